package org.apache.kafka.clients.producer.internals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.producer.RoundRobinPartitioner;
import org.apache.kafka.common.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

/**
 * Asks the internals of Apache Kafka's own client: one question in JSON a line, one answer a line with the same `id`.
 * It lives in the package of the producer's internals, of which some are for that package only.
 */
public final class ClientOracle {
    static final ObjectMapper json = new ObjectMapper();
    private static final HexFormat hex = HexFormat.of();

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(args.length > 0 ? Integer.parseInt(args[0]) : 1);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode question = json.readTree(line);
            pool.submit(() -> {
                ObjectNode answer = json.createObjectNode();
                answer.set("id", question.get("id"));
                try {
                    answer.set("is", json.valueToTree(answer(question)));
                } catch (Throwable e) {
                    answer.put("failed", e.toString());
                }
                synchronized (json) {
                    System.out.println(answer);
                }
            });
        }
        pool.shutdown();
    }

    private static Object answer(JsonNode q) throws Exception {
        return switch (q.get("op").asText()) {
            case "partitionForKey" -> partitionForKey(q);
            case "sticky" -> sticky(q);
            case "adaptive" -> adaptive(q);
            case "roundRobin" -> roundRobin(q);
            case "batch" -> batch(q);
            case "readBatch" -> readBatch(q);
            case "errors" -> errors();
            case "subscription" -> hex(ConsumerProtocol.serializeSubscription(subscription(q)));
            case "assignment" -> hex(ConsumerProtocol.serializeAssignment(new Assignment(partitions(q.get("partitions")), buffer(q.get("userData")))));
            case "readAssignment" -> ConsumerProtocol.deserializeAssignment(buffer(q.get("bytes"))).partitions().stream().map(TopicPartition::toString).toList();
            default -> ScriptedProducer.run(q);
        };
    }

    // --- partitioners

    private static List<Integer> partitionForKey(JsonNode q) {
        List<Integer> chosen = new ArrayList<>();
        for (int i = 0; i < q.get("keys").size(); i++)
            chosen.add(BuiltInPartitioner.partitionForKey(bytes(q.get("keys").get(i)), q.get("counts").get(i).asInt()));
        return chosen;
    }

    /** Records without a key into an accumulator that nobody empties: the partition of each. */
    private static List<Integer> sticky(JsonNode q) throws Exception {
        int batchSize = q.get("batchSize").asInt();
        Iterator<JsonNode> draws = q.get("draws").iterator();
        Metrics metrics = new Metrics();
        BufferPool memory = new BufferPool(1 << 28, batchSize, metrics, Time.SYSTEM, "m");
        RecordAccumulator accumulator = new RecordAccumulator(new LogContext(), batchSize, Compression.NONE, 60_000, 100, 1000,
            120_000, new RecordAccumulator.PartitionerConfig(false, 0), metrics, "m", Time.SYSTEM, null, memory) {
            @Override
            BuiltInPartitioner createBuiltInPartitioner(LogContext log, String topic, int size) {
                return new BuiltInPartitioner(log, topic, size) {
                    @Override
                    int randomPartition() {
                        return draws.next().asInt();
                    }
                };
            }
        };
        Cluster cluster = cluster(q.get("leaders"));
        List<Integer> chosen = new ArrayList<>();
        for (JsonNode size : q.get("sizes")) {
            int[] last = new int[1];
            RecordAccumulator.AppendCallbacks callbacks = new RecordAccumulator.AppendCallbacks() {
                @Override
                public void setPartition(int partition) {
                    last[0] = partition;
                }

                @Override
                public void onCompletion(RecordMetadata metadata, Exception e) {}
            };
            accumulator.append("t", -1, 1000, null, new byte[size.asInt()], null, callbacks, 0, 1000, cluster);
            chosen.add(last[0]);
        }
        return chosen;
    }

    /** The next partition, given the queues of all. */
    private static List<Integer> adaptive(JsonNode q) {
        List<Integer> chosen = new ArrayList<>();
        for (JsonNode each : q.get("cases")) {
            BuiltInPartitioner partitioner = new BuiltInPartitioner(new LogContext(), "t", 1000) {
                @Override
                int randomPartition() {
                    return each.get("draw").asInt();
                }
            };
            int[] queues = json.convertValue(each.get("queues"), int[].class);
            int[] ids = new int[queues.length];
            for (int i = 0; i < ids.length; i++) ids[i] = i;
            partitioner.updatePartitionLoadStats(queues, ids, queues.length);
            ArrayNode leaders = json.createArrayNode();
            for (int i = 0; i < queues.length; i++) leaders.add(1);
            chosen.add(partitioner.peekCurrentPartitionInfo(cluster(leaders)).partition());
        }
        return chosen;
    }

    private static List<Integer> roundRobin(JsonNode q) {
        List<Integer> chosen = new ArrayList<>();
        try (RoundRobinPartitioner partitioner = new RoundRobinPartitioner()) {
            for (JsonNode leaders : q.get("clusters")) chosen.add(partitioner.partition("t", null, null, null, null, cluster(leaders)));
        }
        return chosen;
    }

    private static Cluster cluster(JsonNode leaders) {
        Node[] nodes = {new Node(0, "a", 1), new Node(1, "b", 1), new Node(2, "c", 1), new Node(3, "d", 1)};
        List<PartitionInfo> partitions = new ArrayList<>();
        for (int p = 0; p < leaders.size(); p++) {
            int leader = leaders.get(p).asInt();
            partitions.add(new PartitionInfo("t", p, leader < 0 ? null : nodes[leader], nodes, nodes));
        }
        return new Cluster("c", Arrays.asList(nodes), partitions, Set.of(), Set.of());
    }

    // --- batches

    private static String batch(JsonNode q) {
        Compression compression = Compression.of(q.get("compression").asText()).build();
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), compression, TimestampType.CREATE_TIME, 0L);
        for (JsonNode record : q.get("records")) {
            List<Header> headers = new ArrayList<>();
            for (JsonNode header : record.get("headers")) headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
            builder.append(record.get("timestamp").asLong(), bytes(record.get("key")), bytes(record.get("value")), headers.toArray(new Header[0]));
        }
        if (q.get("producerId").asLong() >= 0)
            builder.setProducerState(q.get("producerId").asLong(), (short) q.get("producerEpoch").asInt(), q.get("baseSequence").asInt(), q.get("transactional").asBoolean());
        builder.close();
        return hex(builder.build().buffer());
    }

    /** What Kafka reads in a batch of ours. */
    private static List<Object> readBatch(JsonNode q) {
        List<Object> read = new ArrayList<>();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(buffer(q.get("bytes"))).batches()) {
            batch.ensureValid();
            read.add(List.of(batch.compressionType().name, batch.producerId(), batch.producerEpoch(), batch.baseSequence(), batch.isTransactional(), batch.maxTimestamp()));
            for (org.apache.kafka.common.record.internal.Record record : batch) {
                List<List<String>> headers = new ArrayList<>();
                for (Header header : record.headers()) headers.add(Arrays.asList(header.key(), header.value() == null ? null : hex.formatHex(header.value())));
                read.add(Arrays.asList(record.offset(), record.timestamp(), hex(record.key()), hex(record.value()), headers));
            }
        }
        return read;
    }

    // --- errors

    private static List<Object> errors() {
        List<Object> all = new ArrayList<>();
        for (Errors error : Errors.values()) {
            List<String> classes = new ArrayList<>();
            for (Class<?> c = error.exception() == null ? Object.class : error.exception().getClass(); c != RuntimeException.class && c != Object.class; c = c.getSuperclass())
                classes.add(c.getSimpleName());
            all.add(List.of((int) error.code(), error.name(), classes));
        }
        return all;
    }

    // --- the consumer's embedded protocol

    private static Subscription subscription(JsonNode q) {
        List<String> topics = new ArrayList<>();
        q.get("topics").forEach(topic -> topics.add(topic.asText()));
        JsonNode rack = q.get("rack");
        return new Subscription(topics, buffer(q.get("userData")), partitions(q.get("owned")), q.get("generation").asInt(),
            rack == null || rack.isNull() ? Optional.empty() : Optional.of(rack.asText()));
    }

    private static List<TopicPartition> partitions(JsonNode all) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (JsonNode each : all) partitions.add(new TopicPartition(each.get(0).asText(), each.get(1).asInt()));
        return partitions;
    }

    // --- bytes

    static byte[] bytes(JsonNode text) {
        return text == null || text.isNull() ? null : hex.parseHex(text.asText());
    }

    private static ByteBuffer buffer(JsonNode text) {
        byte[] bytes = bytes(text);
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    private static String hex(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return hex.formatHex(bytes);
    }
}

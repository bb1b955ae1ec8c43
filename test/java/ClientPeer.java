import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.*;

/** Apache Kafka's own clients, told what to do in JSON, a line each: one process for a whole suite. Argument: bootstrap servers. */
public final class ClientPeer {
    private static final ObjectMapper json = new ObjectMapper();
    private static final HexFormat hex = HexFormat.of();
    private static final Map<String, Member> members = new ConcurrentHashMap<>();
    private static final Map<String, KafkaProducer<byte[], byte[]>> producers = new ConcurrentHashMap<>();
    private static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        ExecutorService pool = Executors.newCachedThreadPool();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode q = json.readTree(line);
            pool.submit(() -> {
                ObjectNode answer = json.createObjectNode();
                answer.set("id", q.get("id"));
                try {
                    answer.set("is", json.valueToTree(answer(q)));
                } catch (Throwable e) {
                    answer.put("failed", e.toString());
                }
                synchronized (json) {
                    System.out.println(answer);
                }
            });
        }
        System.exit(0);
    }

    private static Object answer(JsonNode q) throws Exception {
        return switch (q.get("op").asText()) {
            case "produce" -> produce(q);
            case "transactions" -> transactions(q);
            case "consume" -> consume(q);
            case "committed" -> committed(q);
            case "join" -> join(q);
            case "member" -> members.get(q.get("name").asText()).state();
            case "leave" -> leave(q);
            case "open" -> open(q);
            default -> outcome(q);
        };
    }

    private static Properties properties(JsonNode q) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        if (q.has("properties")) q.get("properties").fields().forEachRemaining(each -> properties.put(each.getKey(), each.getValue().asText()));
        return properties;
    }

    private static KafkaProducer<byte[], byte[]> producer(JsonNode q) {
        return new KafkaProducer<>(properties(q), new ByteArraySerializer(), new ByteArraySerializer());
    }

    // --- records

    private static ProducerRecord<byte[], byte[]> record(JsonNode q, JsonNode record) {
        List<Header> headers = new ArrayList<>();
        for (JsonNode header : record.get("headers")) headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
        return new ProducerRecord<>(q.get("topic").asText(), q.get("partition").asInt(), record.get("timestamp").asLong(), bytes(record.get("key")), bytes(record.get("value")), headers);
    }

    private static Object produce(JsonNode q) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(q)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (JsonNode record : q.get("records")) sent.add(producer.send(record(q, record)));
            List<Long> offsets = new ArrayList<>();
            for (Future<RecordMetadata> each : sent) offsets.add(each.get().offset());
            return offsets;
        }
    }

    private static Object transactions(JsonNode q) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(q)) {
            producer.initTransactions();
            for (JsonNode round : q.get("rounds")) {
                producer.beginTransaction();
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (JsonNode record : round.get("records")) sent.add(producer.send(record(q, record)));
                producer.flush();
                // What was not written must not pass for aborted.
                for (Future<RecordMetadata> each : sent) each.get();
                if (round.get("commit").asBoolean()) producer.commitTransaction();
                else producer.abortTransaction();
            }
            return "ok";
        }
    }

    private static Object consume(JsonNode q) {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties(q), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(q.get("topic").asText()).stream().map(p -> new TopicPartition(p.topic(), p.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            List<Object> read = new ArrayList<>();
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p)))
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) read.add(seen(record));
            return read;
        }
    }

    private static Object seen(ConsumerRecord<byte[], byte[]> record) {
        List<List<String>> headers = new ArrayList<>();
        for (Header header : record.headers()) headers.add(Arrays.asList(header.key(), text(header.value())));
        return Arrays.asList(record.partition(), record.offset(), record.timestamp(), text(record.key()), text(record.value()), headers);
    }

    // --- groups

    private static Object committed(JsonNode q) {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties(q), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            Set<TopicPartition> partitions = new HashSet<>();
            for (JsonNode partition : q.get("partitions")) partitions.add(new TopicPartition(q.get("topic").asText(), partition.asInt()));
            Map<Integer, Long> offsets = new TreeMap<>();
            consumer.committed(partitions).forEach((partition, offset) -> offsets.put(partition.partition(), offset == null ? -1 : offset.offset()));
            return offsets;
        }
    }

    private static Object join(JsonNode q) {
        Member member = new Member(properties(q), q.get("topic").asText());
        members.put(q.get("name").asText(), member);
        member.start();
        return "ok";
    }

    private static Object leave(JsonNode q) throws Exception {
        Member member = members.get(q.get("name").asText());
        member.stopped = true;
        member.join();
        return member.state();
    }

    /** Polls in a thread of its own until it is told to leave; offsets are committed by Kafka's own rules. */
    private static final class Member extends Thread {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private final List<List<Long>> consumed = new ArrayList<>();
        private final Set<Integer> owned = new TreeSet<>();
        private String failure = null;
        volatile boolean stopped = false;

        Member(Properties properties, String topic) {
            consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            consumer.subscribe(List.of(topic));
        }

        @Override
        public void run() {
            try {
                while (!stopped) {
                    ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(50));
                    synchronized (consumed) {
                        for (ConsumerRecord<byte[], byte[]> record : records) consumed.add(List.of((long) record.partition(), record.offset(), System.currentTimeMillis()));
                        owned.clear();
                        for (TopicPartition partition : consumer.assignment()) owned.add(partition.partition());
                    }
                }
                consumer.close();
            } catch (RuntimeException e) {
                failure = e.toString();
            }
            synchronized (consumed) {
                owned.clear();
            }
        }

        Object state() {
            synchronized (consumed) {
                Map<String, Object> state = new HashMap<>();
                state.put("owned", List.copyOf(owned));
                state.put("consumed", List.copyOf(consumed));
                state.put("failure", failure);
                return state;
            }
        }
    }

    // --- a producer step by step

    private static Object open(JsonNode q) {
        producers.put(q.get("name").asText(), producer(q));
        return "ok";
    }

    private static Object outcome(JsonNode q) {
        try {
            return step(producers.get(q.get("name").asText()), q);
        } catch (Exception e) {
            Throwable bottom = e;
            while (bottom.getCause() != null && (bottom instanceof ExecutionException || bottom.getClass() == KafkaException.class)) bottom = bottom.getCause();
            if (bottom instanceof ApiException && Errors.forException(bottom) != Errors.UNKNOWN_SERVER_ERROR) return Errors.forException(bottom).name();
            return bottom.getClass().getSimpleName();
        }
    }

    private static String step(KafkaProducer<byte[], byte[]> producer, JsonNode q) throws Exception {
        switch (q.get("op").asText()) {
            case "initTransactions" -> producer.initTransactions();
            case "beginTransaction" -> producer.beginTransaction();
            case "commitTransaction" -> producer.commitTransaction();
            case "abortTransaction" -> producer.abortTransaction();
            case "send" -> producer.send(record(q, q.get("record"))).get();
            case "close" -> producer.close(Duration.ZERO);
            default -> {
                JsonNode group = q.get("group");
                String instance = group.get("groupInstanceId").isNull() ? null : group.get("groupInstanceId").asText();
                producer.sendOffsetsToTransaction(
                    Map.of(new TopicPartition(q.get("topic").asText(), q.get("partition").asInt()), new OffsetAndMetadata(q.get("offset").asLong())),
                    new ConsumerGroupMetadata(group.get("groupId").asText(), group.get("generationId").asInt(), group.get("memberId").asText(), Optional.ofNullable(instance)));
            }
        }
        return "ok";
    }

    // --- bytes

    private static byte[] bytes(JsonNode text) {
        return text == null || text.isNull() ? null : hex.parseHex(text.asText());
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : hex.formatHex(bytes);
    }
}

import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

/** `write` fills topics of every kind; `read` prints what a consumer sees of them: the log library's tests compare both. */
public class KafkaLogs {
    static final List<String> TOPICS = List.of("plain", "compressed", "transactional", "compacted");

    public static void main(String[] args) throws Exception {
        String bootstrap = args[1];
        if (args[0].equals("write")) write(bootstrap);
        describe(bootstrap);
        // Consumers of a closed broker would wait; nothing else is left to do.
        System.exit(0);
    }

    static void write(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            Map<String, String> small = Map.of("segment.bytes", "1048576", "index.interval.bytes", "256");
            admin.createTopics(List.of(
                new NewTopic("plain", 1, (short) 1).configs(small),
                new NewTopic("compressed", 1, (short) 1),
                new NewTopic("transactional", 1, (short) 1),
                new NewTopic("compacted", 1, (short) 1).configs(Map.of("cleanup.policy", "compact", "segment.ms", "100",
                    "min.cleanable.dirty.ratio", "0.01"))
            )).all().get();
        }
        try (KafkaProducer<String, String> producer = producer(bootstrap, Map.of("linger.ms", "5", "batch.size", "4000"))) {
            long now = System.currentTimeMillis();
            String padding = "p".repeat(200);
            for (int i = 0; i < 8000; i++) {
                ProducerRecord<String, String> record = new ProducerRecord<>("plain", 0, now + i, "k" + i % 7, i + padding);
                record.headers().add(new RecordHeader("h", new byte[] {1, 2}));
                producer.send(record);
            }
        }
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (KafkaProducer<String, String> producer = producer(bootstrap, Map.of("compression.type", codec, "linger.ms", "20"))) {
                for (int i = 0; i < 200; i++) producer.send(new ProducerRecord<>("compressed", codec + i, "value of " + codec + " " + i));
            }
        }
        for (int n = 0; n < 3; n++) {
            try (KafkaProducer<String, String> producer = producer(bootstrap, Map.of("transactional.id", "writer-" + n))) {
                producer.initTransactions();
                for (int t = 0; t < 4; t++) {
                    producer.beginTransaction();
                    for (int i = 0; i < 5; i++) producer.send(new ProducerRecord<>("transactional", "k", n + "/" + t + "/" + i));
                    producer.flush();
                    if ((n + t) % 2 == 0) producer.commitTransaction(); else producer.abortTransaction();
                }
            }
        }
        try (KafkaProducer<String, String> producer = producer(bootstrap, Map.of("batch.size", "200"))) {
            for (int i = 0; i < 60; i++) {
                producer.send(new ProducerRecord<>("compacted", "key" + i % 5, i % 11 == 0 ? null : "v" + i)).get();
                // Rolls by time: the segment's clock is that of the records.
                Thread.sleep(5);
            }
        }
    }

    static KafkaProducer<String, String> producer(String bootstrap, Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(more);
        config.put("bootstrap.servers", bootstrap);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    static void describe(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            for (String topic : TOPICS) {
                TopicPartition partition = new TopicPartition(topic, 0);
                long end = admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition).get().offset();
                System.out.println("end\t" + topic + "\t" + end);
                var max = admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get();
                System.out.println("max\t" + topic + "\t" + max.offset() + "\t" + max.timestamp());
                for (ProducerState p : admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers())
                    System.out.println("producer\t" + topic + "\t" + p.producerId() + "\t" + p.producerEpoch() + "\t" + p.lastSequence()
                        + "\t" + p.lastTimestamp() + "\t" + p.coordinatorEpoch().orElse(-1) + "\t" + p.currentTransactionStartOffset().orElse(-1));
                for (String isolation : List.of("read_committed", "read_uncommitted")) read(bootstrap, partition, isolation, end);
            }
        }
    }

    static void read(String bootstrap, TopicPartition partition, String isolation, long end) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            StringBuilder out = new StringBuilder();
            while (consumer.position(partition) < end)
                for (ConsumerRecord<String, String> r : consumer.poll(java.time.Duration.ofMillis(200)))
                    out.append(isolation).append('\t').append(partition.topic()).append('\t').append(r.offset()).append('\t')
                        .append(r.timestamp()).append('\t').append(r.leaderEpoch().orElse(-1)).append('\t').append(r.key())
                        .append('\t').append(r.value()).append('\n');
            System.out.print(out);
        }
    }
}

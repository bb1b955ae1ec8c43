import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** What ExactlyOnce left behind, as whoever serves the directory now sees it; and whether a transaction can go on from there. */
public class Inspect {
  public static void main(String[] args) throws Exception {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", args[0], "isolation.level", "read_committed",
        "enable.auto.commit", false, "key.serializer", StringSerializer.class, "value.serializer", StringSerializer.class));
    int in;
    int out;
    try (Consumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      in = count(consumer, "in");
      out = count(consumer, "out");
    }
    long copied = 0;
    try (Admin admin = Admin.create(config)) {
      Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets("copier").partitionsToOffsetAndMetadata().get();
      for (OffsetAndMetadata offset : offsets.values()) copied += offset.offset();
    }
    config.put("transactional.id", "copier");
    try (Producer<String, String> producer = new KafkaProducer<>(config)) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>("out", "next", "from-kafka"));
      producer.commitTransaction();
    }
    boolean goesOn = false;
    try (Consumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      // A commit is answered once it is decided; its markers, and with them the last stable offset, follow.
      long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
      while (!goesOn && System.nanoTime() < deadline) goesOn = count(consumer, "out") == out + 1;
    }
    System.out.println("{\"in\":" + in + ",\"out\":" + out + ",\"copier\":" + copied + ",\"transactionsGoOn\":" + goesOn + "}");
    System.exit(0);
  }

  static int count(Consumer<String, String> consumer, String topic) {
    List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    int count = 0;
    while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) count += consumer.poll(Duration.ofMillis(200)).count();
    return count;
  }
}

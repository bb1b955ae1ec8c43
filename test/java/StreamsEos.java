import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

/**
 * A Kafka Streams application under `exactly_once_v2`: running totals per key with a state store (changelog,
 * repartition topics). Each input record carries the number 1, so the last total of a key is how often it was counted.
 *
 * feed BOOTSTRAP RECORDS KEYS        creates the topics and produces
 * run BOOTSTRAP STATE_DIR            runs until killed
 * verify BOOTSTRAP RECORDS KEYS MS   waits for the totals, prints one JSON line
 */
public class StreamsEos {
  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "feed" -> feed(args[1], Integer.parseInt(args[2]), Integer.parseInt(args[3]));
      case "run" -> run(args[1], args[2]);
      default -> verify(args[1], Integer.parseInt(args[2]), Integer.parseInt(args[3]), Long.parseLong(args[4]));
    }
  }

  static void feed(String bootstrap, int records, int keys) throws Exception {
    try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
      admin.createTopics(List.of(new NewTopic("words", 3, (short) -1), new NewTopic("totals", 3, (short) -1))).all().get();
    }
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all");
    try (Producer<String, Long> producer = new KafkaProducer<>(config, new StringSerializer(), new LongSerializer())) {
      for (int i = 0; i < records; i++) {
        producer.send(new ProducerRecord<>("words", "word-" + i % keys, 1L));
        if (i % 100 == 99) Thread.sleep(10);
      }
    }
    System.exit(0);
  }

  static void run(String bootstrap, String stateDir) throws Exception {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("words", Consumed.with(Serdes.String(), Serdes.Long()))
        // A new key forces a repartition topic between input and state.
        .selectKey((key, value) -> key.substring(5))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
        .reduce(Long::sum, Materialized.<String, Long>as(org.apache.kafka.streams.state.Stores.inMemoryKeyValueStore("totals-store"))
            .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
        .toStream().to("totals", Produced.with(Serdes.String(), Serdes.Long()));
    Properties config = new Properties();
    config.putAll(Map.of("application.id", "totals", "bootstrap.servers", bootstrap, "processing.guarantee", "exactly_once_v2",
        "commit.interval.ms", 50, "state.dir", stateDir, "num.stream.threads", 1));
    // The application is killed, not closed: its members must be missed soon.
    config.put("consumer.session.timeout.ms", 6000);
    config.put("producer.transaction.timeout.ms", 10000);
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    streams.setStateListener((now, before) -> System.out.println("state " + now));
    streams.start();
    Thread.currentThread().join();
  }

  static void verify(String bootstrap, int records, int keys, long timeoutMs) {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed",
        "enable.auto.commit", false));
    Map<String, Long> totals = new HashMap<>();
    long decreases = 0;
    long deadline = System.currentTimeMillis() + timeoutMs;
    try (Consumer<String, Long> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new LongDeserializer())) {
      List<TopicPartition> partitions = consumer.partitionsFor("totals").stream().map(p -> new TopicPartition("totals", p.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (totals.values().stream().mapToLong(Long::longValue).sum() < records && System.currentTimeMillis() < deadline) {
        for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(100))) {
          Long before = totals.put(record.key(), record.value());
          if (before != null && before >= record.value()) decreases++;
        }
      }
    }
    long sum = totals.values().stream().mapToLong(Long::longValue).sum();
    long wrong = totals.values().stream().filter(total -> total != records / keys).count();
    System.out.println("{\"sum\":" + sum + ",\"keys\":" + totals.size() + ",\"wrong\":" + wrong + ",\"decreases\":" + decreases + "}");
    System.exit(0);
  }
}

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * Three unmodified clients at work at once: an idempotent producer fills `in`, a transactional copier moves it to
 * `out` (every seventh transaction is aborted on purpose), a consumer group reads `out` committed. At the end both
 * topics are scanned and every value is counted. Prints one JSON line.
 *
 * Arguments: bootstrap servers, records, partitions, replication factor, group protocol (classic | consumer).
 */
public class ExactlyOnce {
  static String bootstrap;
  static int records;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    records = Integer.parseInt(args[1]);
    int partitions = Integer.parseInt(args[2]);
    short replication = Short.parseShort(args[3]);
    try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
      Map<String, String> configs = Map.of("min.insync.replicas", String.valueOf(Math.min(2, replication)));
      admin.createTopics(List.of(
          new NewTopic("in", partitions, replication).configs(configs),
          new NewTopic("out", partitions, replication).configs(configs))).all().get();
    }
    AtomicInteger acked = new AtomicInteger();
    AtomicInteger committedTransactions = new AtomicInteger();
    AtomicInteger abortedTransactions = new AtomicInteger();
    ConcurrentLinkedQueue<String> errors = new ConcurrentLinkedQueue<>();
    ExecutorService pool = Executors.newFixedThreadPool(3);
    Future<?> producing = pool.submit(guarded("producer", errors, () -> produce(acked)));
    Future<?> copying = pool.submit(guarded("copier", errors, () -> copy(committedTransactions, abortedTransactions)));
    ConcurrentHashMap<Integer, Integer> seen = new ConcurrentHashMap<>();
    AtomicLong regressions = new AtomicLong();
    Future<?> reading = pool.submit(guarded("reader", errors, () -> read(seen, regressions)));
    for (Future<?> part : List.of(producing, copying, reading)) part.get(240, TimeUnit.SECONDS);
    pool.shutdown();

    int[] in = scan("in", "read_uncommitted");
    int[] out = scan("out", "read_committed");
    System.out.println("{\"acked\":" + acked + ",\"inDistinct\":" + in[0] + ",\"inDuplicates\":" + in[1]
        + ",\"outDistinct\":" + out[0] + ",\"outDuplicates\":" + out[1] + ",\"outAborted\":" + out[2]
        + ",\"groupDistinct\":" + seen.size() + ",\"offsetRegressions\":" + regressions
        + ",\"transactionsCommitted\":" + committedTransactions + ",\"transactionsAborted\":" + abortedTransactions
        + ",\"errors\":[" + String.join(",", errors.stream().map(e -> "\"" + e.replaceAll("[\"\\\\\n\t]", " ") + "\"").toList()) + "]}");
    System.exit(0);
  }

  interface Work { void run() throws Exception; }

  static Runnable guarded(String name, Queue<String> errors, Work work) {
    return () -> {
      try {
        work.run();
      } catch (Throwable error) {
        error.printStackTrace();
        errors.add(name + ": " + error);
      }
    };
  }

  static Map<String, Object> common() {
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", bootstrap);
    config.put("reconnect.backoff.max.ms", 200);
    config.put("key.serializer", StringSerializer.class);
    config.put("value.serializer", StringSerializer.class);
    config.put("key.deserializer", StringDeserializer.class);
    config.put("value.deserializer", StringDeserializer.class);
    return config;
  }

  static void produce(AtomicInteger acked) throws Exception {
    Map<String, Object> config = common();
    config.put("acks", "all");
    config.put("enable.idempotence", true);
    config.put("linger.ms", 2);
    config.put("compression.type", "lz4");
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (Producer<String, String> producer = new KafkaProducer<>(config)) {
      for (int i = 0; i < records; i++) {
        sent.add(producer.send(new ProducerRecord<>("in", "key-" + i % 97, String.valueOf(i))));
        // Spread over the time in which brokers crash.
        if (i % 200 == 199) Thread.sleep(20);
      }
      for (Future<RecordMetadata> future : sent) {
        future.get();
        acked.incrementAndGet();
      }
    }
  }

  static void copy(AtomicInteger committed, AtomicInteger aborted) throws Exception {
    Map<String, Object> consumerConfig = common();
    consumerConfig.put("group.id", "copier");
    consumerConfig.put("enable.auto.commit", false);
    consumerConfig.put("isolation.level", "read_committed");
    consumerConfig.put("auto.offset.reset", "earliest");
    consumerConfig.put("max.poll.records", 200);
    Map<String, Object> producerConfig = common();
    producerConfig.put("transactional.id", "copier");
    Set<Integer> copied = new HashSet<>();
    int attempt = 0;
    try (Consumer<String, String> consumer = new KafkaConsumer<>(consumerConfig)) {
      consumer.subscribe(List.of("in"));
      Producer<String, String> producer = new KafkaProducer<>(producerConfig);
      producer.initTransactions();
      while (copied.size() < records) {
        ConsumerRecords<String, String> batch = consumer.poll(Duration.ofMillis(200));
        if (batch.isEmpty()) continue;
        try {
          boolean abort = ++attempt % 7 == 0;
          producer.beginTransaction();
          Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
          for (ConsumerRecord<String, String> record : batch) {
            producer.send(new ProducerRecord<>("out", record.key(), (abort ? "aborted-" : "") + record.value()));
            offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
          }
          producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
          if (abort) {
            producer.flush();
            producer.abortTransaction();
            aborted.incrementAndGet();
            rewind(consumer);
          } else {
            producer.commitTransaction();
            committed.incrementAndGet();
            for (ConsumerRecord<String, String> record : batch) copied.add(Integer.parseInt(record.value()));
          }
        } catch (ProducerFencedException | InvalidProducerEpochException | OutOfOrderSequenceException fatal) {
          producer.close(Duration.ZERO);
          producer = new KafkaProducer<>(producerConfig);
          producer.initTransactions();
          rewind(consumer);
        } catch (KafkaException error) {
          System.err.println("copier: aborting after " + error);
          try {
            producer.abortTransaction();
          } catch (KafkaException abortFailed) {
            producer.close(Duration.ZERO);
            producer = new KafkaProducer<>(producerConfig);
            producer.initTransactions();
          }
          aborted.incrementAndGet();
          rewind(consumer);
        }
      }
      producer.close();
    }
  }

  /** Back to what the transaction would have committed. */
  static void rewind(Consumer<String, String> consumer) {
    for (int attempt = 0; ; attempt++) {
      try {
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
        for (TopicPartition partition : consumer.assignment()) {
          OffsetAndMetadata offset = committed.get(partition);
          if (offset == null) consumer.seekToBeginning(List.of(partition));
          else consumer.seek(partition, offset);
        }
        return;
      } catch (KafkaException retry) {
        if (attempt == 10) throw retry;
      }
    }
  }

  static void read(Map<Integer, Integer> seen, AtomicLong regressions) {
    Map<String, Object> config = common();
    config.put("group.id", "readers");
    config.put("enable.auto.commit", false);
    config.put("isolation.level", "read_committed");
    config.put("auto.offset.reset", "earliest");
    Map<TopicPartition, Long> committedOffsets = new HashMap<>();
    try (Consumer<String, String> consumer = new KafkaConsumer<>(config)) {
      consumer.subscribe(List.of("out"));
      while (seen.size() < records) {
        ConsumerRecords<String, String> batch = consumer.poll(Duration.ofMillis(200));
        for (ConsumerRecord<String, String> record : batch) {
          if (record.value().startsWith("aborted")) throw new IllegalStateException("read an aborted record: " + record);
          seen.merge(Integer.parseInt(record.value()), 1, Integer::sum);
        }
        if (batch.isEmpty()) continue;
        try {
          consumer.commitSync();
          for (Map.Entry<TopicPartition, OffsetAndMetadata> now : consumer.committed(consumer.assignment()).entrySet()) {
            if (now.getValue() == null) {
              if (committedOffsets.containsKey(now.getKey())) regressions.incrementAndGet();
              continue;
            }
            Long before = committedOffsets.put(now.getKey(), now.getValue().offset());
            if (before != null && before > now.getValue().offset()) regressions.incrementAndGet();
          }
        } catch (KafkaException retriable) {
          System.err.println("reader: " + retriable);
        }
      }
    }
  }

  /** Distinct values, duplicates, and aborted ones seen in a whole scan. */
  static int[] scan(String topic, String isolation) {
    Map<String, Object> config = common();
    config.put("isolation.level", isolation);
    config.put("enable.auto.commit", false);
    config.put("group.id", "scan");
    int duplicates = 0;
    int aborted = 0;
    Set<String> values = new HashSet<>();
    try (Consumer<String, String> consumer = new KafkaConsumer<>(config)) {
      List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          if (record.value().startsWith("aborted")) aborted++;
          else if (!values.add(record.value())) duplicates++;
        }
      }
    }
    return new int[] {values.size(), duplicates, aborted};
  }
}

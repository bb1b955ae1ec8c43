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
 * Clients of every kind at work while somebody breaks the cluster, and a record of all that they were told:
 *
 *   idempotent producers     an acknowledged value stays at its offset for ever, and is nowhere else
 *   transactional producers  commit, abort, or are abandoned in the middle and fenced by a successor; the copy of each
 *                            transaction's number in a group's offsets is as transactional as its records
 *   readers                  of both isolations poll throughout: an offset never changes its value, none goes back,
 *                            a transaction is read whole or not at all, and an aborted one never
 *   the watcher              high watermark, last stable offset and committed offsets never go back
 *
 * Arguments: bootstrap servers, partitions. Works until standard input ends, then checks everything against a scan
 * from the start and prints one JSON line.
 */
public class Consistency {
  static final String PLAIN = "plain";
  static final String TRANSACTIONAL = "transactional";
  static final int OFFSET_HOLDER = 0;

  static String bootstrap;
  static int partitions;
  static volatile boolean working = true;
  static volatile boolean reading = true;
  static final Queue<String> errors = new ConcurrentLinkedQueue<>();

  record Place(String topic, int partition, long offset) {}

  /** What was acknowledged at an offset, and what anybody has read there. */
  static final Map<Place, String> acked = new ConcurrentHashMap<>();
  static final Map<Place, String> seen = new ConcurrentHashMap<>();
  /** Where a value was read by consumers of committed records, and of all. */
  static final Map<String, Place> committedReads = new ConcurrentHashMap<>();
  /** Fates by transaction: true committed, false aborted; one whose producer never learned is in neither. */
  static final Map<String, Boolean> fates = new ConcurrentHashMap<>();
  static final Map<String, Integer> sizes = new ConcurrentHashMap<>();
  static final LongAccumulator slowestMs = new LongAccumulator(Math::max, 0);
  static final AtomicInteger fenced = new AtomicInteger();
  static final AtomicInteger polls = new AtomicInteger();
  static final AtomicInteger watched = new AtomicInteger();

  static void wrong(String text) {
    System.err.println("WRONG " + System.currentTimeMillis() + " " + text);
    errors.add(text);
  }

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    partitions = Integer.parseInt(args[1]);
    try (Admin admin = Admin.create(common())) {
      Map<String, String> configs = Map.of("min.insync.replicas", "2");
      admin.createTopics(List.of(new NewTopic(PLAIN, partitions, (short) 3).configs(configs),
          new NewTopic(TRANSACTIONAL, partitions, (short) 3).configs(configs))).all().get();
    }
    List<Thread> writers = new ArrayList<>();
    List<Thread> readers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      int id = i;
      writers.add(start("idempotent-" + i, () -> produce(id)));
      writers.add(start("transactional-" + i, () -> transact(id)));
      readers.add(start("committed-" + i, () -> read("read_committed", true)));
    }
    readers.add(start("uncommitted", () -> read("read_uncommitted", false)));
    writers.add(start("watcher", Consistency::watch));
    writers.add(start("committer", Consistency::commitOffsets));
    System.out.println("working");
    while (System.in.read() >= 0) { }
    working = false;
    for (Thread writer : writers) join(writer);
    checkTransactionalOffsets();
    Map<Place, String> all = scan("read_uncommitted");
    Map<Place, String> committed = scan("read_committed");
    long deadline = System.currentTimeMillis() + 20_000;
    while (!committedReads.keySet().containsAll(committed.values()) && System.currentTimeMillis() < deadline) Thread.sleep(20);
    reading = false;
    for (Thread reader : readers) join(reader);
    check(all, committed);
    System.out.println("{\"acked\":" + acked.size() + ",\"committed\":" + fates.values().stream().filter(f -> f).count()
        + ",\"aborted\":" + fates.values().stream().filter(f -> !f).count() + ",\"fenced\":" + fenced + ",\"slowestMs\":" + slowestMs
        + ",\"polls\":" + polls + ",\"watched\":" + watched + ",\"errors\":["
        + String.join(",", errors.stream().limit(30).map(e -> "\"" + e.replaceAll("[\"\\\\\n\t]", " ") + "\"").toList()) + "]}");
    System.exit(0);
  }

  interface Work { void run() throws Exception; }

  static Thread start(String name, Work work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (Throwable error) {
        error.printStackTrace();
        wrong(name + " ended with " + error);
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  static void join(Thread thread) throws InterruptedException {
    thread.join(90_000);
    if (!thread.isAlive()) return;
    wrong(thread.getName() + " does not end: " + Arrays.toString(thread.getStackTrace()));
  }

  static Map<String, Object> common() {
    return new HashMap<>(Map.of("bootstrap.servers", bootstrap, "reconnect.backoff.max.ms", 200));
  }

  static Producer<String, String> producer(String transactionalId) {
    Map<String, Object> config = common();
    config.put("linger.ms", 1);
    config.put("max.block.ms", 120_000);
    if (transactionalId != null) config.put("transactional.id", transactionalId);
    return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
  }

  static Consumer<String, String> consumer(String group, String isolation) {
    Map<String, Object> config = common();
    config.put("group.id", group);
    config.put("isolation.level", isolation);
    config.put("enable.auto.commit", false);
    config.put("auto.offset.reset", "none");
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  static void ackedAt(RecordMetadata at, String value) {
    if (at.offset() < 0) return; // "duplicate", and the broker does not remember where
    String before = acked.putIfAbsent(new Place(at.topic(), at.partition(), at.offset()), value);
    if (before != null) wrong(at + " acknowledged for " + before + " and for " + value);
  }

  static void produce(int id) throws Exception {
    try (Producer<String, String> producer = producer(null)) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int n = 0; working; n++) {
        String value = "i-" + id + "-" + n;
        sent.add(producer.send(new ProducerRecord<>(PLAIN, n % partitions, null, value), (at, error) -> {
          if (error != null) wrong("send " + value + ": " + error);
          else ackedAt(at, value);
        }));
        if (n % 20 == 19) Thread.sleep(20);
      }
      for (Future<RecordMetadata> one : sent) one.get(120, TimeUnit.SECONDS);
    }
  }

  static void transact(int id) throws Exception {
    Random random = new Random(id);
    String name = "t-" + id;
    Producer<String, String> producer = producer(name);
    producer.initTransactions();
    for (int n = 0; working; n++) {
      String transaction = name + "-" + n;
      int fate = random.nextInt(10);
      int size = 1 + random.nextInt(8);
      sizes.put(transaction, size);
      boolean commit = fate < 7;
      long since = System.nanoTime();
      try {
        producer.beginTransaction();
        for (int i = 0; i < size; i++) {
          String value = transaction + "#" + i;
          producer.send(new ProducerRecord<>(TRANSACTIONAL, random.nextInt(partitions), null, value), (at, error) -> {
            if (error == null) ackedAt(at, value);
          });
        }
        if (n % 3 == 0) {
          producer.sendOffsetsToTransaction(Map.of(new TopicPartition(PLAIN, OFFSET_HOLDER), new OffsetAndMetadata(n)),
              new ConsumerGroupMetadata("offsets-of-" + name));
        }
        if (fate == 9) {
          // Abandoned: a successor takes over, and its word counts.
          producer.flush();
          Producer<String, String> successor = producer(name);
          successor.initTransactions();
          fates.put(transaction, false);
          try {
            producer.commitTransaction();
            wrong(transaction + " was committed by a producer that has a successor");
          } catch (ProducerFencedException | InvalidProducerEpochException expected) {
            fenced.incrementAndGet();
          } catch (KafkaException other) {
            if (!(other.getCause() instanceof ProducerFencedException || other.getCause() instanceof InvalidProducerEpochException)) throw other;
            fenced.incrementAndGet();
          }
          producer.close(Duration.ZERO);
          producer = successor;
          continue;
        }
        if (commit) {
          finish(producer::commitTransaction);
          fates.put(transaction, true);
        } else {
          producer.flush();
          finish(producer::abortTransaction);
          fates.put(transaction, false);
        }
      } catch (KafkaException error) {
        wrong(transaction + ": " + error + (error.getCause() == null ? "" : " because of " + error.getCause()));
        // Its fate is left open; whole or not at all it is anyway.
        producer.close(Duration.ZERO);
        producer = producer(name);
        producer.initTransactions();
      } finally {
        slowestMs.accumulate((System.nanoTime() - since) / 1_000_000);
      }
    }
    producer.close();
  }

  /** A timeout leaves the fate open; the same call again learns it. */
  static void finish(Runnable end) {
    for (int attempt = 0; ; attempt++) {
      try {
        end.run();
        return;
      } catch (org.apache.kafka.common.errors.TimeoutException error) {
        if (attempt == 3) throw error;
      }
    }
  }

  static List<TopicPartition> allPartitions() {
    List<TopicPartition> all = new ArrayList<>();
    for (String topic : List.of(PLAIN, TRANSACTIONAL)) for (int p = 0; p < partitions; p++) all.add(new TopicPartition(topic, p));
    return all;
  }

  static void read(String isolation, boolean onlyCommitted) {
    Map<TopicPartition, Long> last = new HashMap<>();
    try (Consumer<String, String> consumer = consumer("reader", isolation)) {
      consumer.assign(allPartitions());
      consumer.seekToBeginning(allPartitions());
      while (reading) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
          TopicPartition partition = new TopicPartition(record.topic(), record.partition());
          Long before = last.put(partition, record.offset());
          if (before != null && before >= record.offset()) wrong(partition + " went back from " + before + " to " + record.offset());
          observe(record, onlyCommitted);
        }
        polls.incrementAndGet();
      }
    }
  }

  static void observe(ConsumerRecord<String, String> record, boolean onlyCommitted) {
    Place place = new Place(record.topic(), record.partition(), record.offset());
    String before = seen.putIfAbsent(place, record.value());
    if (before != null && !before.equals(record.value())) wrong(place + " held " + before + ", now " + record.value());
    if (!onlyCommitted) return;
    Place other = committedReads.putIfAbsent(record.value(), place);
    if (other != null && !other.equals(place)) wrong(record.value() + " is at " + other + " and at " + place);
    if (Boolean.FALSE.equals(fates.get(transactionOf(record.value())))) wrong("read of an aborted transaction: " + record.value());
  }

  static String transactionOf(String value) {
    int at = value.indexOf('#');
    return at < 0 ? value : value.substring(0, at);
  }

  static void watch() throws Exception {
    Map<TopicPartition, Long> highWatermarks = new HashMap<>();
    Map<TopicPartition, Long> lastStable = new HashMap<>();
    Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
    for (TopicPartition partition : allPartitions()) latest.put(partition, OffsetSpec.latest());
    try (Admin admin = Admin.create(common())) {
      while (working) {
        Map<TopicPartition, Long> stable = offsets(admin, latest, IsolationLevel.READ_COMMITTED);
        Map<TopicPartition, Long> high = offsets(admin, latest, IsolationLevel.READ_UNCOMMITTED);
        monotone("last stable offset", lastStable, stable);
        monotone("high watermark", highWatermarks, high);
        for (TopicPartition partition : stable.keySet()) {
          Long hw = high.get(partition);
          if (hw != null && stable.get(partition) > hw) wrong(partition + ": last stable offset " + stable.get(partition) + " was past " + hw);
        }
        watched.incrementAndGet();
        Thread.sleep(50);
      }
    }
  }

  static Map<TopicPartition, Long> offsets(Admin admin, Map<TopicPartition, OffsetSpec> latest, IsolationLevel isolation) throws Exception {
    Map<TopicPartition, Long> found = new HashMap<>();
    ListOffsetsResult result = admin.listOffsets(latest, new ListOffsetsOptions(isolation));
    for (TopicPartition partition : latest.keySet()) {
      try {
        found.put(partition, result.partitionResult(partition).get().offset());
      } catch (ExecutionException error) {
        if (!(error.getCause() instanceof RetriableException)) throw error;
      }
    }
    return found;
  }

  static void monotone(String what, Map<TopicPartition, Long> before, Map<TopicPartition, Long> now) {
    now.forEach((partition, offset) -> {
      Long was = before.put(partition, offset);
      if (was != null && was > offset) wrong(partition + ": " + what + " went back from " + was + " to " + offset);
    });
  }

  static void commitOffsets() throws Exception {
    TopicPartition partition = new TopicPartition(PLAIN, OFFSET_HOLDER);
    long done = -1;
    try (Consumer<String, String> consumer = consumer("committer", "read_uncommitted")) {
      consumer.assign(List.of(partition));
      for (long n = 0; working; n++) {
        try {
          consumer.commitSync(Map.of(partition, new OffsetAndMetadata(n)), Duration.ofSeconds(60));
          done = n;
        } catch (RetriableException open) {
          // Written or not: the next one says more.
        }
        OffsetAndMetadata now;
        try {
          now = consumer.committed(Set.of(partition), Duration.ofSeconds(60)).get(partition);
        } catch (RetriableException later) {
          continue;
        }
        if (done >= 0 && (now == null || now.offset() < done)) wrong("committed offset went back from " + done + " to " + now);
        if (now != null && now.offset() > n) wrong("committed offset " + now + " was never committed, only " + n);
        Thread.sleep(5);
      }
    }
  }

  /** The last number among the group's offsets is that of the last committed transaction which carried one. */
  static void checkTransactionalOffsets() throws Exception {
    try (Admin admin = Admin.create(common())) {
      for (int id = 0; id < 2; id++) {
        String name = "t-" + id;
        long expected = -1;
        boolean open = false;
        for (Map.Entry<String, Integer> one : sizes.entrySet()) {
          if (!one.getKey().startsWith(name + "-")) continue;
          int n = Integer.parseInt(one.getKey().substring(name.length() + 1));
          if (n % 3 != 0) continue;
          if (fates.get(one.getKey()) == null) open = true;
          else if (fates.get(one.getKey())) expected = Math.max(expected, n);
        }
        OffsetAndMetadata found = admin.listConsumerGroupOffsets("offsets-of-" + name)
            .partitionsToOffsetAndMetadata().get().get(new TopicPartition(PLAIN, OFFSET_HOLDER));
        long offset = found == null ? -1 : found.offset();
        if (open ? offset < expected : offset != expected) wrong("transactional offset of " + name + " is " + offset + ", committed was " + expected);
      }
    }
  }

  static Map<Place, String> scan(String isolation) {
    Map<Place, String> found = new HashMap<>();
    try (Consumer<String, String> consumer = consumer("scan", isolation)) {
      consumer.assign(allPartitions());
      consumer.seekToBeginning(allPartitions());
      Map<TopicPartition, Long> ends = consumer.endOffsets(allPartitions());
      long deadline = System.currentTimeMillis() + 60_000;
      while (allPartitions().stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          found.put(new Place(record.topic(), record.partition(), record.offset()), record.value());
        }
        if (System.currentTimeMillis() > deadline) {
          wrong("the scan (" + isolation + ") does not end");
          break;
        }
      }
    }
    return found;
  }

  static void check(Map<Place, String> all, Map<Place, String> committed) {
    acked.forEach((place, value) -> {
      if (!value.equals(all.get(place))) wrong(value + " was acknowledged at " + place + ", there is " + all.get(place));
    });
    seen.forEach((place, value) -> {
      if (!value.equals(all.get(place))) wrong(value + " was read at " + place + ", there is " + all.get(place));
    });
    Map<String, Place> once = new HashMap<>();
    Map<String, Integer> found = new HashMap<>();
    committed.forEach((place, value) -> {
      Place other = once.put(value, place);
      if (other != null) wrong(value + " is at " + other + " and at " + place);
      if (!value.equals(all.get(place))) wrong(place + " is " + value + " among the committed, " + all.get(place) + " among all");
      if (place.topic().equals(TRANSACTIONAL)) found.merge(transactionOf(value), 1, Integer::sum);
      if (!committedReads.containsKey(value)) wrong("no reader has seen " + value);
    });
    committedReads.forEach((value, place) -> {
      if (!once.containsKey(value)) wrong(value + " was read as committed at " + place + " and is gone");
    });
    sizes.forEach((transaction, size) -> {
      int there = found.getOrDefault(transaction, 0);
      Boolean fate = fates.get(transaction);
      if (fate == null ? there != 0 && there != size : there != (fate ? size : 0)) {
        wrong(transaction + (fate == null ? " (open)" : fate ? " (committed)" : " (aborted)") + ": " + there + " of " + size + " records are there");
      }
    });
  }
}

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier;

/**
 * Kafka Streams applications in one process, started and stopped by lines of standard input:
 * `start TOPOLOGY APPLICATION_ID IDLE_MS` and `stop APPLICATION_ID`; each is answered with `ok APPLICATION_ID`, when it runs or has
 * ended, or with `failed APPLICATION_ID WHY`. The topologies are StreamsOracle's, which is compiled by itself.
 *
 * Arguments: bootstrap servers, state directory, then the names of the output topics: application A writes to `A.NAME`.
 */
public final class StreamsPeer {
  static final Map<String, KafkaStreams> running = new ConcurrentHashMap<>();
  static String bootstrap, stateDirectory;
  static Set<String> outputs;

  public static void main(String[] args) {
    bootstrap = args[0];
    stateDirectory = args[1];
    outputs = Set.of(Arrays.copyOfRange(args, 2, args.length));
    ExecutorService pool = Executors.newCachedThreadPool();
    Scanner in = new Scanner(System.in, StandardCharsets.UTF_8);
    while (in.hasNextLine()) {
      String[] command = in.nextLine().split(" ");
      String application = command[0].equals("start") ? command[2] : command[1];
      pool.submit(() -> {
        try {
          if (command[0].equals("start")) start(command[1], application, Long.parseLong(command[3]));
          else stop(application);
          answer("ok " + application);
        } catch (Throwable e) {
          answer("failed " + application + " " + e);
        }
      });
    }
    System.exit(0);
  }

  static synchronized void answer(String line) {
    System.out.println(line.replace('\n', ' '));
  }

  static void start(String name, String application, long idleMs) throws Exception {
    var method = Class.forName("StreamsOracle").getDeclaredMethod("topology", String.class);
    method.setAccessible(true);
    KafkaStreams streams = new KafkaStreams((Topology) method.invoke(null, name), properties(application, idleMs), new OwnOutputs(application));
    CompletableFuture<Void> runs = new CompletableFuture<>();
    streams.setStateListener((now, before) -> {
      if (now == KafkaStreams.State.RUNNING) runs.complete(null);
    });
    streams.setUncaughtExceptionHandler(error -> {
      if (!runs.completeExceptionally(error)) answer("failed " + application + " " + error);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    running.put(application, streams);
    streams.start();
    runs.get(60, TimeUnit.SECONDS);
  }

  /** Says farewell to the group: whoever comes next needs not wait for the session to end. */
  static void stop(String application) {
    CloseOptions options = CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
        .withTimeout(Duration.ofSeconds(30));
    if (!running.remove(application).close(options)) throw new IllegalStateException("not closed in time");
  }

  static Properties properties(String application, long idleMs) {
    Properties p = new Properties();
    p.put("application.id", application);
    p.put("bootstrap.servers", bootstrap);
    p.put("processing.guarantee", "exactly_once_v2");
    p.put("default.key.serde", Serdes.StringSerde.class);
    p.put("default.value.serde", Serdes.StringSerde.class);
    p.put("statestore.cache.max.bytes", 0);
    p.put("max.task.idle.ms", idleMs);
    p.put("repartition.purge.interval.ms", 3_600_000L);
    // By the clock, an outer join would look only once a second for records without partner.
    p.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
    p.put("producer.buffer.memory", 4_000_000L);
    p.put("state.dir", stateDirectory);
    return p;
  }

  /** One topology may run in several applications at once: each has output topics of its own. */
  static final class OwnOutputs extends DefaultKafkaClientSupplier {
    final String application;

    OwnOutputs(String application) {
      this.application = application;
    }

    String own(String topic) {
      return outputs.contains(topic) ? application + "." + topic : topic;
    }

    @Override
    public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
      return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
        @Override
        public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> r, Callback callback) {
          return super.send(new ProducerRecord<>(own(r.topic()), r.partition(), r.timestamp(), r.key(), r.value(), r.headers()), callback);
        }

        @Override
        public List<PartitionInfo> partitionsFor(String topic) {
          return super.partitionsFor(own(topic));
        }
      };
    }
  }
}

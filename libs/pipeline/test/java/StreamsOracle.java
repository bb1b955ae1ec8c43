import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Runs topologies in Kafka Streams' own TopologyTestDriver. Input: `case NAME` (`cached NAME`: with a cache), then a line for each record (topic, key, value,
 * timestamp, header; `~` is null; tab-separated), then `end`; or `describe NAME`. Answers each case with its output records
 * (topic, key, value in hex, timestamp, headers; topics sorted), each describe with its text, then `end`.
 *
 * The topologies are those of topologies.ts, name by name.
 */
public final class StreamsOracle {
    static final Serde<String> S = Serdes.String();
    static final Consumed<String, String> IN = Consumed.with(S, S);
    static final Produced<String, String> OUT = Produced.with(S, S);

    static <K, V, T extends org.apache.kafka.streams.processor.StateStore> Materialized<K, V, T> as(String store) { return Materialized.as(store); }

    static KStream<String, String> stream(StreamsBuilder b, String topic) { return b.stream(topic, IN); }
    static KTable<String, String> table(StreamsBuilder b, String topic) { return b.table(topic, IN); }

    static Materialized<String, String, KeyValueStore<Bytes, byte[]>> kv(String store) {
        return Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as(store).withKeySerde(S).withValueSerde(S);
    }

    static Materialized<String, String, WindowStore<Bytes, byte[]>> windows() { return Materialized.with(S, S); }

    static Serde<Windowed<String>> timed(long size) { return new WindowedSerdes.TimeWindowedSerde<>(S, size); }
    static Serde<Windowed<String>> session() { return WindowedSerdes.sessionWindowedSerdeFrom(String.class); }
    static TimeWindows tumbling(long size, long grace) { return TimeWindows.ofSizeAndGrace(Duration.ofMillis(size), Duration.ofMillis(grace)); }
    static String first(String text) { return text.isEmpty() ? "" : text.substring(0, 1); }
    static JoinWindows within(long before, long after, long grace) {
        return JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(after), Duration.ofMillis(grace)).before(Duration.ofMillis(before)).after(Duration.ofMillis(after));
    }

    static Topology topology(String name) {
        StreamsBuilder b = new StreamsBuilder();
        switch (name) {
            case "word-count" -> stream(b, "a")
                .flatMapValues(v -> v == null ? List.<String>of() : Arrays.asList(v.split("")))
                .groupBy((k, v) -> v, Grouped.with(S, S))
                .count(as("counts"))
                .toStream().to("out", Produced.with(S, Serdes.Long()));
            case "reduce" -> stream(b, "a").groupByKey().reduce((x, y) -> x + "+" + y, kv("reduced")).toStream().to("out", OUT);
            case "aggregate-removes" -> stream(b, "a").groupByKey()
                .aggregate(() -> "", (k, v, agg) -> v.equals("x") ? null : agg + v, kv("letters")).toStream().to("out", OUT);
            case "tumbling" -> stream(b, "a").groupByKey().windowedBy(tumbling(20, 10)).count(as("windows")).toStream()
                .to("out", Produced.with(timed(20), Serdes.Long()));
            case "hopping" -> stream(b, "a").groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(30), Duration.ofMillis(5)).advanceBy(Duration.ofMillis(10)))
                .aggregate(() -> "", (k, v, agg) -> agg + v, windows()).toStream().to("out", Produced.with(timed(30), S));
            case "windowed-reduce" -> stream(b, "a").selectKey((k, v) -> v == null ? null : first(v)).groupByKey(Grouped.with(S, S))
                .windowedBy(tumbling(50, 0)).reduce((x, y) -> x + y, windows())
                .toStream((w, v) -> w.key() + "@" + w.window().start())
                .to("out", OUT);
            case "session" -> stream(b, "a").filter((k, v) -> v != null).groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
                .aggregate(() -> "", (k, v, agg) -> agg + v, (k, x, y) -> x + "|" + y, Materialized.with(S, S))
                .toStream().to("out", Produced.with(session(), S));
            case "session-retained" -> stream(b, "a")
                .flatMapValues(v -> v == null ? List.<String>of() : Arrays.asList(v.split("")))
                .groupByKey(Grouped.with(S, S))
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(5)))
                .aggregate(() -> "", (k, v, agg) -> agg + v, (k, x, y) -> x + "|" + y,
                    Materialized.<String, String, SessionStore<Bytes, byte[]>>as("kept").withValueSerde(S).withRetention(Duration.ofSeconds(10)))
                .toStream().to("out", Produced.with(session(), S));
            case "session-count" -> stream(b, "a").groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(5), Duration.ofMillis(0))).count()
                .toStream().to("out", Produced.with(session(), Serdes.Long()));
            case "session-reduce" -> stream(b, "a").filter((k, v) -> v != null).groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(20), Duration.ofMillis(5)))
                .reduce((x, y) -> x + y, Materialized.as("sessions"))
                .toStream().to("out", Produced.with(session(), S));
            case "table-aggregate" -> table(b, "t")
                .groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(S, S))
                .aggregate(() -> "", (k, v, agg) -> agg + "+" + v, (k, v, agg) -> agg + "-" + v, kv("groups"))
                .toStream().to("out", OUT);
            case "table-reduce" -> table(b, "t")
                .groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(S, S))
                .reduce((x, y) -> x + "+" + y, (x, y) -> x.equals(y) ? null : x + "-" + y)
                .toStream().to("out", OUT);
            case "table-count" -> table(b, "t")
                .groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(S, S)).count()
                .filter((k, n) -> n > 1).toStream().to("out", Produced.with(S, Serdes.Long()));
            case "table-views" -> {
                KTable<String, String> t = b.table("t", IN, kv("rows"));
                t.filter((k, v) -> !v.startsWith("x")).mapValues(v -> v + "!").toStream().to("views", OUT);
                t.mapValues(v -> v.toUpperCase(Locale.ROOT), kv("upper")).filter((k, v) -> v.length() > 1, kv("long")).toStream().to("stored", OUT);
                t.toStream().to("out", OUT);
            }
            case "stream-table" -> stream(b, "a").join(table(b, "t"), (x, y) -> x + "/" + y).to("out", OUT);
            case "stream-table-left" -> stream(b, "a").leftJoin(table(b, "t"), (x, y) -> x + "/" + y).to("out", OUT);
            case "stream-table-repartitioned" -> stream(b, "a").selectKey((k, v) -> v == null ? null : first(v))
                .leftJoin(table(b, "t").filter((k, v) -> !v.startsWith("x")), (x, y) -> x + "/" + y, Joined.with(S, S, S)).to("out", OUT);
            case "stream-stream" -> stream(b, "a").join(stream(b, "b"), (x, y) -> x + "/" + y, within(10, 20, 5)).to("out", OUT);
            case "stream-stream-left" -> stream(b, "a").leftJoin(stream(b, "b"), (x, y) -> x + "/" + y, within(10, 15, 5)).to("out", OUT);
            case "stream-stream-outer" -> stream(b, "a").outerJoin(stream(b, "b"), (x, y) -> x + "/" + y, within(15, 10, 10)).to("out", OUT);
            case "stream-stream-repartitioned" -> stream(b, "a").selectKey((k, v) -> v == null ? null : first(v))
                .outerJoin(stream(b, "b").map((k, v) -> KeyValue.pair(v == null ? null : first(v), v)), (x, y) -> x + "/" + y,
                    within(10, 10, 0), StreamJoined.with(S, S, S))
                .to("out", OUT);
            case "stream-table-rekeyed" -> stream(b, "a").filter((k, v) -> v != null).selectKey((k, v) -> first(v))
                .leftJoin(table(b, "t"), (x, y) -> x + "/" + y, Joined.with(S, S, S)).to("out", OUT);
            case "stream-stream-rekeyed" -> stream(b, "a").filter((k, v) -> v != null).selectKey((k, v) -> first(v))
                .outerJoin(stream(b, "b").filter((k, v) -> v != null).map((k, v) -> KeyValue.pair(first(v), v)), (x, y) -> x + "/" + y,
                    within(10, 10, 5), StreamJoined.with(S, S, S))
                .to("out", OUT);
            case "table-table" -> table(b, "t").join(table(b, "u"), (x, y) -> x + "/" + y).toStream().to("out", OUT);
            case "table-table-left" -> table(b, "t").leftJoin(table(b, "u"), (x, y) -> x + "/" + y).toStream().to("out", OUT);
            case "table-table-outer" -> table(b, "t").outerJoin(table(b, "u"), (x, y) -> x + "/" + y, kv("joined")).toStream().to("out", OUT);
            case "table-table-chain" -> table(b, "t").leftJoin(table(b, "u"), (x, y) -> x + "/" + y)
                .outerJoin(table(b, "v").mapValues(v -> "<" + v + ">"), (x, y) -> x + "*" + y).filter((k, v) -> v.length() % 2 == 0)
                .groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(S, S)).count().toStream().to("out", Produced.with(S, Serdes.Long()));
            case "aggregates-joined" -> {
                KTable<String, Long> n = stream(b, "a").groupByKey().count();
                KTable<String, String> r = stream(b, "b").groupByKey().reduce((x, y) -> y);
                n.outerJoin(r, (x, y) -> x + "/" + y).toStream().to("out", OUT);
            }
            case "repartition-chain" -> stream(b, "a").filterNot((k, v) -> v == null)
                .repartition(Repartitioned.with(S, S).withName("once"))
                .map((k, v) -> KeyValue.pair(first(v), k + v))
                .groupByKey(Grouped.with(S, S)).reduce((x, y) -> x.length() > 6 ? y : x + y)
                .toStream().groupBy((k, v) -> "" + v.length(), Grouped.with(S, S)).count()
                .toStream().to("out", Produced.with(S, Serdes.Long()));
            case "branch-merge" -> {
                Map<String, KStream<String, String>> split = stream(b, "a").split(Named.as("split-"))
                    .branch((k, v) -> v == null, Branched.as("none"))
                    .branch((k, v) -> v.startsWith("x"), Branched.as("x"))
                    .defaultBranch(Branched.as("default"));
                split.get("split-none").mapValues(v -> "gone").to("none", OUT);
                split.get("split-x").merge(split.get("split-default").mapValues(v -> v + "?")).merge(stream(b, "b"))
                    .peek((k, v) -> { }).to("out", OUT);
            }
            case "named" -> {
                KTable<String, String> rows = b.table("t", IN.withName("rows-in"));
                b.stream("a", IN.withName("in")).filter((k, v) -> v != null, Named.as("present"))
                    .map((k, v) -> KeyValue.pair(first(v), v), Named.as("rekeyed"))
                    .leftJoin(rows, (x, y) -> x + "/" + y, Joined.with(S, S, S, "enriched"))
                    .groupByKey(Grouped.with("by-letter", S, S)).windowedBy(tumbling(20, 10)).count(Named.as("counting"), as("counted"))
                    .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()).withName("final"))
                    .toStream((w, n) -> w.key(), Named.as("unwindowed")).to("out", Produced.with(S, Serdes.Long()).withName("out-sink"));
                rows.groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with("regrouped", S, S))
                    .reduce((x, y) -> x + y, (x, y) -> x, Named.as("reducing"), kv("reduced"))
                    .join(rows, (x, y) -> x + "/" + y, Named.as("joined"), kv("joined-rows")).toStream()
                    .leftJoin(stream(b, "b").selectKey((k, v) -> v == null ? null : first(v)), (x, y) -> x + "/" + y, within(10, 10, 0),
                        StreamJoined.with(S, S, S).withName("streams").withStoreName("join-store"))
                    .to("out", OUT);
            }
            case "flat-map" -> stream(b, "a").flatMap((k, v) -> v == null ? List.<KeyValue<String, String>>of()
                    : List.of(KeyValue.pair(v, k), KeyValue.pair(k, v)))
                .toTable(kv("newest")).toStream().to("out", OUT);
            case "to-table" -> stream(b, "a").mapValues(v -> v == null ? null : v + v).toTable(Materialized.with(S, S))
                .join(table(b, "t"), (x, y) -> x + "/" + y).toStream().to("out", OUT);
            case "suppress-tumbling" -> stream(b, "a").groupByKey().windowedBy(tumbling(20, 10)).count()
                .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())).toStream()
                .to("out", Produced.with(timed(20), Serdes.Long()));
            case "suppress-session" -> stream(b, "a").filter((k, v) -> v != null).groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(5)))
                .aggregate(() -> "", (k, v, agg) -> agg + v, (k, x, y) -> x + "|" + y, Materialized.with(S, S))
                .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())).toStream()
                .to("out", Produced.with(session(), S));
            case "suppress-time" -> b.table("t", IN, kv("rows"))
                .suppress(Suppressed.untilTimeLimit(Duration.ofMillis(25), Suppressed.BufferConfig.unbounded()))
                .groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(S, S)).count().toStream().to("out", Produced.with(S, Serdes.Long()));
            default -> throw new IllegalArgumentException(name);
        }
        return b.build();
    }

    static final Path stateDirectory = Path.of(System.getProperty("java.io.tmpdir"), "troupe-streams-oracle-" + ProcessHandle.current().pid());

    static Properties properties(boolean cached) {
        Properties p = new Properties();
        p.put("application.id", "app");
        p.put("bootstrap.servers", "none:1");
        p.put("default.key.serde", Serdes.StringSerde.class);
        p.put("default.value.serde", Serdes.StringSerde.class);
        p.put("statestore.cache.max.bytes", cached ? 10_000_000 : 0);
        p.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
        p.put("state.dir", stateDirectory.toString());
        return p;
    }

    static byte[] bytes(String field) { return field.equals("~") ? null : field.getBytes(StandardCharsets.UTF_8); }
    static String hex(byte[] bytes) { return bytes == null ? "~" : HexFormat.of().formatHex(bytes); }

    static void run(String name, boolean cached, List<String[]> records, StringBuilder out) {
        try (TopologyTestDriver driver = new TopologyTestDriver(topology(name), properties(cached))) {
            Map<String, TestInputTopic<byte[], byte[]>> inputs = new HashMap<>();
            for (String[] f : records) {
                TestInputTopic<byte[], byte[]> input = inputs.computeIfAbsent(f[0],
                    topic -> driver.createInputTopic(topic, new ByteArraySerializer(), new ByteArraySerializer()));
                RecordHeaders headers = new RecordHeaders();
                headers.add("n", bytes(f[4]));
                input.pipeInput(new TestRecord<>(bytes(f[1]), bytes(f[2]), headers, Long.parseLong(f[3])));
            }
            for (String topic : new TreeSet<>(driver.producedTopicNames())) {
                TestOutputTopic<byte[], byte[]> output = driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                for (TestRecord<byte[], byte[]> r : output.readRecordsToList()) {
                    StringJoiner headers = new StringJoiner(",");
                    r.headers().forEach(h -> headers.add(h.key() + "=" + hex(h.value())));
                    out.append(String.join("\t", topic, hex(r.key()), hex(r.value()), "" + r.timestamp(), headers.toString())).append('\n');
                }
            }
        }
    }

    public static void main(String[] args) throws IOException {
        Scanner in = new Scanner(System.in, StandardCharsets.UTF_8);
        while (in.hasNextLine()) {
            String[] command = in.nextLine().split(" ");
            StringBuilder out = new StringBuilder();
            try {
                if (command[0].equals("describe")) out.append(topology(command[1]).describe()).append('\n');
                else {
                    List<String[]> records = new ArrayList<>();
                    for (String line = in.nextLine(); !line.equals("end"); line = in.nextLine()) records.add(line.split("\t", -1));
                    run(command[1], command[0].equals("cached"), records, out);
                }
            } catch (RuntimeException e) {
                out.append(e).append('\n');
            }
            System.out.print(out.append("end\n"));
        }
        try (var paths = Files.walk(stateDirectory)) {
            paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
    }
}

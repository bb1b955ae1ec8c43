import java.lang.reflect.Field;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.TransactionResult;
import org.apache.kafka.common.security.auth.*;
import org.apache.kafka.common.utils.*;
import org.apache.kafka.coordinator.common.runtime.*;
import org.apache.kafka.coordinator.group.*;
import org.apache.kafka.coordinator.group.classic.ClassicGroup;
import org.apache.kafka.coordinator.group.generated.*;
import org.apache.kafka.coordinator.group.modern.share.ShareGroupConfig;
import org.apache.kafka.coordinator.group.metrics.GroupCoordinatorMetrics;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.timeline.SnapshotRegistry;

/**
 * Asks Apache Kafka's own GroupCoordinatorShard. Its log commits at once, its clock is advanced by hand. One step a line,
 * tab-separated; what it caused follows, one line each, and a line with a full stop. `new` begins a scenario.
 */
public final class GroupOracle {
    static final class Clock implements Time {
        long now = 1_000_000;
        public long milliseconds() { return now; }
        public long nanoseconds() { return now * 1_000_000; }
        public void sleep(long ms) { now += ms; }
        public void waitObject(Object o, Supplier<Boolean> c, long deadline) { }
    }

    record Timer(String key, long at, long order, CoordinatorTimer.TimeoutOperation<CoordinatorRecord> operation) { }

    final class Timers implements CoordinatorTimer<CoordinatorRecord> {
        final Map<String, Timer> set = new HashMap<>();
        long order;
        public void schedule(String key, long delay, TimeUnit unit, boolean retry, TimeoutOperation<CoordinatorRecord> op) {
            set.put(key, new Timer(key, clock.now + unit.toMillis(delay), order++, op));
        }
        public void schedule(String key, long delay, TimeUnit unit, boolean retry, long backoff, TimeoutOperation<CoordinatorRecord> op) {
            schedule(key, delay, unit, retry, op);
        }
        public void scheduleIfAbsent(String key, long delay, TimeUnit unit, boolean retry, TimeoutOperation<CoordinatorRecord> op) {
            if (!set.containsKey(key)) schedule(key, delay, unit, retry, op);
        }
        public void cancel(String key) { set.remove(key); }
        public boolean isScheduled(String key) { return set.containsKey(key); }
        Timer next(long until) {
            return set.values().stream().filter(t -> t.at <= until)
                .min(Comparator.comparingLong(Timer::at).thenComparingLong(Timer::order)).orElse(null);
        }
    }

    static final class NoExecutor implements CoordinatorExecutor<CoordinatorRecord> {
        public <R> boolean schedule(String key, TaskRunnable<R> task, TaskOperation<CoordinatorRecord, R> operation) { return false; }
        public boolean isScheduled(String key) { return false; }
        public void cancel(String key) { }
    }

    record Context(String clientId, int version) implements AuthorizableRequestContext {
        public String listenerName() { return "PLAINTEXT"; }
        public SecurityProtocol securityProtocol() { return SecurityProtocol.PLAINTEXT; }
        public KafkaPrincipal principal() { return KafkaPrincipal.ANONYMOUS; }
        public InetAddress clientAddress() { return InetAddress.getLoopbackAddress(); }
        public int requestType() { return 0; }
        public int requestVersion() { return version; }
        public int correlationId() { return 0; }
    }

    final Clock clock = new Clock();
    final Timers timers = new Timers();
    final GroupCoordinatorShard shard;
    final List<String> said = new ArrayList<>();
    /** Random ids by what we call them, and back. */
    final Map<String, String> ids = new HashMap<>();
    final Map<String, String> names = new HashMap<>();
    final Map<String, Integer> counts = new HashMap<>();
    long offset;

    GroupOracle() {
        GroupCoordinatorConfig config = GroupCoordinatorConfig.fromProps(Map.of(
            "group.initial.rebalance.delay.ms", "1500", "group.max.size", "4", "group.min.session.timeout.ms", "1",
            "offsets.retention.check.interval.ms", "1000000000000"));
        GroupConfigManager groups = new GroupConfigManager(Map.of(), config,
            new ShareGroupConfig(new AbstractConfig(
                org.apache.kafka.common.utils.Utils.mergeConfigs(List.of(GroupCoordinatorConfig.CONFIG_DEF, ShareGroupConfig.CONFIG_DEF)), Map.of())));
        GroupCoordinatorShard.Builder builder = new GroupCoordinatorShard.Builder(config, groups);
        builder.withAuthorizerPlugin(Optional.empty());
        shard = builder.withLogContext(new LogContext()).withTime(clock).withTimer(timers).withExecutor(new NoExecutor())
            .withSnapshotRegistry(new SnapshotRegistry(new LogContext())).withCoordinatorMetrics(new GroupCoordinatorMetrics())
            .withTopicPartition(new TopicPartition("__consumer_offsets", 0)).build();
        shard.onLoaded(CoordinatorMetadataImage.EMPTY);
    }

    /** Ids have a random part: `c5-<uuid>` is called c5, and a static member's ids are numbered as they are seen. */
    String name(String id) {
        if (id == null || id.length() < 38) return id == null ? "" : id;
        return names.computeIfAbsent(id, each -> {
            String prefix = each.substring(0, each.length() - 37);
            String name = prefix.startsWith("i") ? prefix + "#" + counts.merge(prefix, 1, Integer::sum) : prefix;
            ids.put(name, each);
            return name;
        });
    }

    String id(String name) { return ids.getOrDefault(name, name); }

    void say(String line) { said.add(line); }

    void run(CoordinatorResult<?, CoordinatorRecord> result) {
        for (CoordinatorRecord record : result.records()) {
            sayRecord(record);
            if (result.replayRecords()) shard.replay(offset, -1L, (short) -1, record);
            offset++;
        }
        if (result.appendFuture() != null) result.appendFuture().complete(null);
    }

    void sayRecord(CoordinatorRecord record) {
        if (record.key() instanceof GroupMetadataKey key) {
            if (record.value() == null) { say("record group tombstone"); return; }
            GroupMetadataValue value = (GroupMetadataValue) record.value().message();
            if (value.generation() == 0) return; // written when a group is made; Troupe writes it with its first generation
            List<String> members = new ArrayList<>();
            value.members().forEach(m -> members.add(name(m.memberId()) + "=" + text(m.assignment()) + "/" + m.sessionTimeout() + "/" + m.rebalanceTimeout()));
            say("record group v" + record.value().version() + " " + value.generation() + " " + value.protocolType() + " " + value.protocol()
                + " " + name(value.leader()) + " " + value.currentStateTimestamp() + " " + String.join(",", members));
        } else if (record.key() instanceof OffsetCommitKey key) {
            String what = record.value() == null ? "tombstone"
                : "v" + record.value().version() + " " + ((OffsetCommitValue) record.value().message()).offset();
            say("record offset " + key.topic() + "/" + key.partition() + " " + what);
        }
    }

    static String text(byte[] bytes) { return new String(bytes, StandardCharsets.UTF_8); }

    static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }

    static String orNull(String text) { return text.equals("-") ? null : text; }

    void join(String[] f) {
        JoinGroupRequestData.JoinGroupRequestProtocolCollection protocols = new JoinGroupRequestData.JoinGroupRequestProtocolCollection();
        for (String name : f[7].split(","))
            protocols.add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName(name).setMetadata(bytes(f[8])));
        JoinGroupRequestData request = new JoinGroupRequestData().setGroupId(f[2]).setMemberId(id(f[4])).setGroupInstanceId(orNull(f[5]))
            .setProtocolType("x").setProtocols(protocols).setSessionTimeoutMs(Integer.parseInt(f[9])).setRebalanceTimeoutMs(Integer.parseInt(f[10]));
        CompletableFuture<JoinGroupResponseData> future = new CompletableFuture<>();
        future.thenAccept(r -> {
            if (r.errorCode() != 0) { say("join " + f[1] + " " + error(r.errorCode()) + " " + name(r.memberId())); return; }
            List<String> members = new ArrayList<>();
            r.members().forEach(m -> members.add(name(m.memberId()) + "=" + text(m.metadata())));
            say("join " + f[1] + " NONE " + name(r.memberId()) + " " + r.generationId() + " " + r.protocolName() + " " + name(r.leader())
                + " " + r.skipAssignment() + " " + String.join(",", members));
        });
        run(shard.classicGroupJoin(new Context(f[3], Integer.parseInt(f[6])), request, future));
        keepOrder();
    }

    /** Kafka chooses the next leader in the order of a hash map of random ids; here it is the order of joining. */
    @SuppressWarnings("unchecked")
    void keepOrder() {
        try {
            Field manager = GroupCoordinatorShard.class.getDeclaredField("groupMetadataManager");
            manager.setAccessible(true);
            Field groups = GroupMetadataManager.class.getDeclaredField("groups");
            groups.setAccessible(true);
            Field members = ClassicGroup.class.getDeclaredField("members");
            members.setAccessible(true);
            for (Object group : ((Map<String, Object>) groups.get(manager.get(shard))).values()) {
                Map<String, ?> now = (Map<String, ?>) members.get(group);
                if (!(now instanceof LinkedHashMap)) members.set(group, new LinkedHashMap<>(now));
            }
        } catch (ReflectiveOperationException e) { throw new IllegalStateException(e); }
    }

    void sync(String[] f) {
        List<SyncGroupRequestData.SyncGroupRequestAssignment> assignments = new ArrayList<>();
        for (String each : f[6].split(",")) {
            if (!each.contains(":")) continue;
            String[] parts = each.split(":");
            assignments.add(new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId(id(parts[0])).setAssignment(bytes(parts[1])));
        }
        SyncGroupRequestData request = new SyncGroupRequestData().setGroupId(f[2]).setMemberId(id(f[3])).setGroupInstanceId(orNull(f[4]))
            .setGenerationId(Integer.parseInt(f[5])).setAssignments(assignments);
        CompletableFuture<SyncGroupResponseData> future = new CompletableFuture<>();
        future.thenAccept(r -> say("sync " + f[1] + " " + error(r.errorCode()) + " " + text(r.assignment())));
        run(shard.classicGroupSync(new Context("c", 5), request, future));
    }

    static String error(short code) { return Errors.forCode(code).name(); }

    /** The answer, or the error that Kafka's service makes of an exception. */
    String attempt(Supplier<String> question) {
        try { return question.get(); } catch (org.apache.kafka.common.errors.ApiException e) { return Errors.forException(e).name(); }
    }

    String heartbeat(String[] f) {
        CoordinatorResult<HeartbeatResponseData, CoordinatorRecord> result = shard.classicGroupHeartbeat(new Context("c", 4),
            new HeartbeatRequestData().setGroupId(f[2]).setMemberId(id(f[3])).setGroupInstanceId(orNull(f[4])).setGenerationId(Integer.parseInt(f[5])));
        run(result);
        return error(result.response().errorCode());
    }

    String leave(String[] f) {
        CoordinatorResult<LeaveGroupResponseData, CoordinatorRecord> result = shard.classicGroupLeave(new Context("c", 5),
            new LeaveGroupRequestData().setGroupId(f[2]).setMembers(List.of(
                new LeaveGroupRequestData.MemberIdentity().setMemberId(id(f[3])).setGroupInstanceId(orNull(f[4])))));
        run(result);
        return error(result.response().members().get(0).errorCode());
    }

    String commit(String[] f) {
        CoordinatorResult<OffsetCommitResponseData, CoordinatorRecord> result = shard.commitOffset(new Context("c", Integer.parseInt(f[6])),
            new OffsetCommitRequestData().setGroupId(f[2]).setMemberId(id(f[3])).setGroupInstanceId(orNull(f[4]))
                .setGenerationIdOrMemberEpoch(Integer.parseInt(f[5])).setTopics(List.of(
                    new OffsetCommitRequestData.OffsetCommitRequestTopic().setName("t").setPartitions(List.of(
                        new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(Integer.parseInt(f[7]))
                            .setCommittedOffset(Long.parseLong(f[8])).setCommittedMetadata(""))))));
        run(result);
        return error(result.response().topics().get(0).partitions().get(0).errorCode());
    }

    String txn(String[] f) {
        long producerId = Long.parseLong(f[9]);
        CoordinatorResult<TxnOffsetCommitResponseData, CoordinatorRecord> result = shard.commitTransactionalOffset(new Context("c", 5),
            new TxnOffsetCommitRequestData().setGroupId(f[2]).setMemberId(id(f[3])).setGroupInstanceId(orNull(f[4]))
                .setGenerationId(Integer.parseInt(f[5])).setProducerId(producerId).setProducerEpoch((short) 0).setTopics(List.of(
                    new TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic().setName("t").setPartitions(List.of(
                        new TxnOffsetCommitRequestData.TxnOffsetCommitRequestPartition().setPartitionIndex(Integer.parseInt(f[7]))
                            .setCommittedOffset(Long.parseLong(f[8])).setCommittedMetadata(""))))));
        for (CoordinatorRecord record : result.records()) {
            sayRecord(record);
            shard.replay(offset++, producerId, (short) 0, record);
        }
        return error(result.response().topics().get(0).partitions().get(0).errorCode());
    }

    String delete(String[] f) {
        CoordinatorResult<DeleteGroupsResponseData.DeletableGroupResultCollection, CoordinatorRecord> result =
            shard.deleteGroups(new Context("c", 2), List.of(f[2]));
        run(result);
        return error(result.response().iterator().next().errorCode());
    }

    String forget(String[] f) {
        OffsetDeleteRequestData.OffsetDeleteRequestTopicCollection topics = new OffsetDeleteRequestData.OffsetDeleteRequestTopicCollection();
        topics.add(new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName("t").setPartitions(List.of(
            new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(0))));
        CoordinatorResult<OffsetDeleteResponseData, CoordinatorRecord> result =
            shard.deleteOffsets(new Context("c", 0), new OffsetDeleteRequestData().setGroupId(f[2]).setTopics(topics));
        run(result);
        return error(result.response().topics().find("t").partitions().find(0).errorCode());
    }

    /** What can be seen of a group from outside. */
    String look(String groupId) {
        StringBuilder line = new StringBuilder("group ");
        DescribeGroupsResponseData.DescribedGroup group = shard.describeGroups(new Context("c", 6), List.of(groupId), Long.MAX_VALUE).get(0);
        line.append(group.groupState()).append(' ').append(group.protocolType()).append('/').append(group.protocolData());
        group.members().forEach(m -> line.append(' ').append(name(m.memberId())).append('=').append(text(m.memberAssignment())));
        line.append(" |");
        OffsetFetchResponseData.OffsetFetchResponseGroup fetched = shard.fetchOffsets(new OffsetFetchRequestData.OffsetFetchRequestGroup()
            .setGroupId(groupId).setTopics(List.of(new OffsetFetchRequestData.OffsetFetchRequestTopics().setName("t").setPartitionIndexes(List.of(0, 1)))),
            Long.MAX_VALUE);
        fetched.topics().get(0).partitions().forEach(p ->
            line.append(' ').append(p.errorCode() == 0 ? Long.toString(p.committedOffset()) : error(p.errorCode())));
        return line.toString();
    }

    void advance(long ms) {
        long until = clock.now + ms;
        for (Timer timer = timers.next(until); timer != null; timer = timers.next(until)) {
            timers.set.remove(timer.key);
            clock.now = Math.max(clock.now, timer.at);
            run(timer.operation.generateRecords());
        }
        clock.now = until;
    }

    void step(String[] f) {
        switch (f[0]) {
            case "join" -> join(f);
            case "sync" -> {
                try { sync(f); } catch (org.apache.kafka.common.errors.ApiException e) { say("sync " + f[1] + " " + Errors.forException(e).name() + " "); }
            }
            case "heartbeat" -> say("heartbeat " + f[1] + " " + attempt(() -> heartbeat(f)));
            case "leave" -> say("leave " + f[1] + " " + attempt(() -> leave(f)));
            case "commit" -> say("commit " + f[1] + " " + attempt(() -> commit(f)));
            case "txn" -> say("txn " + f[1] + " " + attempt(() -> txn(f)));
            case "end" -> {
                shard.replayEndTransactionMarker(Long.parseLong(f[2]), (short) 0, f[3].equals("commit") ? TransactionResult.COMMIT : TransactionResult.ABORT);
                offset++;
            }
            case "delete" -> say("delete " + f[1] + " " + attempt(() -> delete(f)));
            case "forget" -> say("forget " + f[1] + " " + attempt(() -> forget(f)));
            case "expire" -> run(shard.cleanupGroupMetadata());
            case "advance" -> advance(Long.parseLong(f[2]));
            default -> throw new IllegalArgumentException(f[0]);
        }
        say(look("g"));
    }

    public static void main(String[] args) {
        StringBuilder out = new StringBuilder();
        GroupOracle oracle = null;
        Scanner in = new Scanner(System.in, StandardCharsets.UTF_8);
        while (in.hasNextLine()) {
            String line = in.nextLine();
            if (line.equals("new")) { oracle = new GroupOracle(); continue; }
            oracle.said.clear();
            try {
                oracle.step(line.split("\t", -1));
            } catch (RuntimeException e) {
                oracle.say("exception " + e);
            }
            for (String said : oracle.said) out.append(said).append('\n');
            out.append(".\n");
        }
        System.out.print(out);
    }
}

import java.util.*;
import kafka.coordinator.transaction.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.TransactionResult;
import org.apache.kafka.common.utils.*;
import org.apache.kafka.coordinator.transaction.*;
import org.apache.kafka.server.common.*;
import scala.Function1;
import scala.Option;
import scala.Some;
import scala.runtime.BoxedUnit;
import scala.util.Either;
import scala.util.Right;

/**
 * Asks Apache Kafka's own TransactionCoordinator what it does with one request in one state. Its log and its markers are
 * replaced by ones that succeed at once; a request that is told CONCURRENT_TRANSACTIONS is asked again when the markers
 * are written. One question a line, tab-separated; one answer a line.
 */
public final class CoordinatorOracle {
    static TransactionMetadata metadata;
    static TxnTransitMetadata underWay;
    static short serverVersion;

    static class Log extends TransactionStateManager {
        Log() { super(0, null, null, null, null, null, null); }
        @Override public Either<Errors, Option<CoordinatorEpochAndTxnMetadata>> getTransactionState(String id) {
            return new Right<>(metadata == null ? Option.empty() : new Some<>(new CoordinatorEpochAndTxnMetadata(0, metadata)));
        }
        @Override public Either<Errors, CoordinatorEpochAndTxnMetadata> putTransactionStateIfNotExists(TransactionMetadata created) {
            if (metadata == null) metadata = created;
            return new Right<>(new CoordinatorEpochAndTxnMetadata(0, metadata));
        }
        @Override public void appendTransactionToLog(String id, int epoch, TxnTransitMetadata next,
                Function1<Errors, BoxedUnit> callback, Function1<Errors, Object> retry, RequestLocal local) {
            metadata.completeTransitionTo(next);
            callback.apply(Errors.NONE);
        }
        @Override public TransactionVersion transactionVersionLevel() { return TransactionVersion.fromFeatureLevel(serverVersion); }
        @Override public boolean isTransaction2pcEnabled() { return false; }
        @Override public boolean validateTransactionTimeoutMs(boolean twoPhase, int timeout) { return true; }
        @Override public int partitionFor(String id) { return 0; }
    }

    static class Markers extends TransactionMarkerChannelManager {
        Markers() { super(null, null, null, null, null); }
        @Override public void addTxnMarkersToSend(int epoch, TransactionResult result, TransactionMetadata of, TxnTransitMetadata next) {
            underWay = next;
            finish();
        }
    }

    static void finish() {
        if (underWay == null) return;
        metadata.completeTransitionTo(underWay);
        underWay = null;
    }

    /** Neither class is made to run without a broker, so their constructors are not run. */
    static <T> T bare(Class<T> type) throws Exception {
        var base = Object.class.getDeclaredConstructor();
        var constructor = sun.reflect.ReflectionFactory.getReflectionFactory().newConstructorForSerialization(type, base);
        return type.cast(constructor.newInstance());
    }

    public static void main(String[] args) throws Exception {
        ProducerIdManager ids = () -> 1000L;
        var coordinator = new TransactionCoordinator(null, null, () -> ids, bare(Log.class), bare(Markers.class), Time.SYSTEM, new LogContext());
        var in = new Scanner(System.in);
        while (in.hasNextLine()) System.out.println(answer(coordinator, in.nextLine().split("\t", -1)));
    }

    static String answer(TransactionCoordinator coordinator, String[] q) {
        serverVersion = Short.parseShort(q[0]);
        metadata = q[1].equals("-") ? null : new TransactionMetadata("a", Long.parseLong(q[2]), Long.parseLong(q[3]),
            Long.parseLong(q[4]), Short.parseShort(q[5]), (short) -1, 60000, TransactionState.valueOf(q[1]), partitions(q[6]),
            q[1].equals("EMPTY") ? -1L : 0L, 0L, TransactionVersion.fromFeatureLevel(Short.parseShort(q[7])));
        underWay = metadata != null && q[1].startsWith("PREPARE") ? metadata.prepareComplete(0L) : null;
        try {
            String said = ask(coordinator, q);
            if (said.contains("CONCURRENT_TRANSACTIONS")) {
                finish();
                said = ask(coordinator, q);
            } else finish();
            return said + "\t" + state();
        } catch (Throwable thrown) {
            return "throws " + thrown.getClass().getSimpleName() + "\t";
        }
    }

    static String ask(TransactionCoordinator coordinator, String[] q) {
        var said = new String[1];
        long pid = Long.parseLong(q[9]);
        short epoch = Short.parseShort(q[10]);
        var local = RequestLocal.noCaching();
        switch (q[8]) {
            case "init" -> {
                Option<ProducerIdAndEpoch> expected = pid < 0 ? Option.empty() : new Some<>(new ProducerIdAndEpoch(pid, epoch));
                coordinator.handleInitProducerId("a", 60000, false, false, expected, result -> {
                    said[0] = result.error() + " " + result.producerId() + " " + result.producerEpoch();
                    return BoxedUnit.UNIT;
                }, local);
            }
            case "end" -> coordinator.handleEndTransaction("a", pid, epoch, q[11].equals("commit") ? TransactionResult.COMMIT : TransactionResult.ABORT,
                TransactionVersion.fromFeatureLevel(Short.parseShort(q[12])), (error, newPid, newEpoch) -> {
                    said[0] = error + " " + newPid + " " + newEpoch;
                    return BoxedUnit.UNIT;
                }, local);
            case "add" -> coordinator.handleAddPartitionsToTransaction("a", pid, epoch, partitions(q[11]), error -> {
                    said[0] = error.toString();
                    return BoxedUnit.UNIT;
                }, TransactionVersion.fromFeatureLevel(Short.parseShort(q[12])), local);
            case "verify" -> coordinator.handleVerifyPartitionsInTransaction("a", pid, epoch, partitions(q[11]), result -> {
                    var all = new TreeSet<String>();
                    for (var topic : result.topicResults()) for (var each : topic.resultsByPartition())
                        all.add(topic.name() + ":" + each.partitionIndex() + "=" + Errors.forCode(each.partitionErrorCode()));
                    said[0] = String.join(" ", all);
                    return BoxedUnit.UNIT;
                });
            default -> throw new IllegalArgumentException(q[8]);
        }
        return said[0];
    }

    static String state() {
        if (metadata == null) return "-";
        var names = new TreeSet<String>();
        for (var each : metadata.topicPartitions()) names.add(each.topic() + ":" + each.partition());
        return metadata.state() + " " + metadata.producerId() + " " + metadata.producerEpoch() + " next=" + metadata.prepareNoTransit().nextProducerId()
            + " last=" + metadata.lastProducerEpoch() + " tv=" + metadata.clientTransactionVersion().featureLevel() + " " + String.join(",", names);
    }

    static HashSet<TopicPartition> partitions(String text) {
        var set = new HashSet<TopicPartition>();
        for (var each : text.split(",")) if (!each.isEmpty()) {
            var parts = each.split(":");
            set.add(new TopicPartition(parts[0], Integer.parseInt(parts[1])));
        }
        return set;
    }
}

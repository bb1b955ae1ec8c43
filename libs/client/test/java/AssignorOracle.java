import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.*;

/**
 * Asks the assignors of Apache Kafka's own client. One group a line, tab-separated: the assignor, topics (`t=3,u=2`), then
 * for each member its id, its instance id or `-`, and its subscription in hex. Answers `id=t-0,t-1` for each member, sorted.
 */
public final class AssignorOracle {
    public static void main(String[] args) throws Exception {
        Scanner in = new Scanner(System.in, StandardCharsets.UTF_8);
        while (in.hasNextLine()) {
            String[] f = in.nextLine().split("\t");
            ConsumerPartitionAssignor assignor = switch (f[0]) {
                case "range" -> new RangeAssignor();
                case "roundrobin" -> new RoundRobinAssignor();
                case "sticky" -> new StickyAssignor();
                default -> new CooperativeStickyAssignor();
            };
            List<PartitionInfo> infos = new ArrayList<>();
            for (String topic : f[1].split(",")) {
                String[] t = topic.split("=");
                for (int p = 0; p < Integer.parseInt(t[1]); p++) infos.add(new PartitionInfo(t[0], p, null, new Node[0], new Node[0]));
            }
            Cluster cluster = new Cluster("c", List.of(), infos, Set.of(), Set.of());
            Map<String, Subscription> members = new LinkedHashMap<>();
            for (int i = 2; i < f.length; i += 3) {
                byte[] bytes = HexFormat.of().parseHex(f[i + 2]);
                Subscription subscription = ConsumerProtocol.deserializeSubscription(ByteBuffer.wrap(bytes));
                subscription.setGroupInstanceId(f[i + 1].equals("-") ? Optional.empty() : Optional.of(f[i + 1]));
                members.put(f[i], subscription);
            }
            String answer;
            try {
                answer = new TreeMap<>(assignor.assign(cluster, new GroupSubscription(members)).groupAssignment()).entrySet().stream()
                    .map(e -> e.getKey() + "=" + e.getValue().partitions().stream().map(TopicPartition::toString).sorted().collect(Collectors.joining(",")))
                    .collect(Collectors.joining(" "));
            } catch (Exception e) {
                answer = e.toString();
            }
            System.out.println(answer);
        }
    }
}

import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Opens a transaction with one record and stays there until it is killed. */
public class OpenTransaction {
  public static void main(String[] args) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", args[0], "transactional.id", args[2], "transaction.timeout.ms", 600000);
    Producer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    producer.initTransactions();
    producer.beginTransaction();
    producer.send(new ProducerRecord<>(args[1], "open")).get();
    System.out.println("open");
    Thread.sleep(600_000);
  }
}

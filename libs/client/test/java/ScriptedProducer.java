package org.apache.kafka.clients.producer.internals;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Apache Kafka's producer takes one step after the other of a script: each step's outcome is `ok` or the error that is at
 * the bottom of the exception, by its name in the protocol where it has one.
 */
final class ScriptedProducer {
    static List<String> run(JsonNode q) throws Exception {
        Properties properties = new Properties();
        q.get("properties").fields().forEachRemaining(each -> properties.put(each.getKey(), each.getValue().asText()));
        List<String> outcomes = new ArrayList<>();
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        try {
            for (JsonNode step : q.get("steps")) outcomes.add(outcome(producer, step));
        } finally {
            producer.close(Duration.ZERO);
        }
        return outcomes;
    }

    private static String outcome(KafkaProducer<byte[], byte[]> producer, JsonNode step) {
        try {
            return take(producer, step);
        } catch (Exception e) {
            return nameOf(e);
        }
    }

    private static String take(KafkaProducer<byte[], byte[]> producer, JsonNode step) throws Exception {
        switch (step.get("do").asText()) {
            case "initTransactions" -> producer.initTransactions();
            case "beginTransaction" -> producer.beginTransaction();
            case "commitTransaction" -> producer.commitTransaction();
            case "abortTransaction" -> producer.abortTransaction();
            case "send" -> {
                List<Header> headers = new ArrayList<>();
                for (JsonNode header : step.get("headers")) headers.add(new RecordHeader(header.get(0).asText(), ClientOracle.bytes(header.get(1))));
                RecordMetadata metadata = producer.send(new ProducerRecord<>(step.get("topic").asText(), step.get("partition").asInt(),
                    step.get("timestamp").asLong(), ClientOracle.bytes(step.get("key")), ClientOracle.bytes(step.get("value")), headers)).get();
                return "ok " + metadata.offset();
            }
            default -> producer.sendOffsetsToTransaction(
                Map.of(new TopicPartition("input", 0), new OffsetAndMetadata(17, Optional.of(2), "")),
                new ConsumerGroupMetadata("g", 3, "m", Optional.ofNullable(step.get("instance").isNull() ? null : step.get("instance").asText())));
        }
        return "ok";
    }

    private static String nameOf(Exception thrown) {
        Throwable bottom = thrown;
        while (bottom.getCause() != null && (bottom instanceof ExecutionException || bottom.getClass() == KafkaException.class)) bottom = bottom.getCause();
        if (bottom instanceof ApiException) {
            Errors error = Errors.forException(bottom);
            if (error != Errors.UNKNOWN_SERVER_ERROR || bottom.getClass() == Errors.UNKNOWN_SERVER_ERROR.exception().getClass()) return error.name();
        }
        return bottom.getClass() == KafkaException.class ? "KafkaException: " + bottom.getMessage() : bottom.getClass().getSimpleName();
    }
}

"""librdkafka through confluent-kafka, told what to do in JSON, a line each. Argument: bootstrap servers."""
import json
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition, TIMESTAMP_NOT_AVAILABLE

bootstrap = sys.argv[1]


def properties(question):
    return {"bootstrap.servers": bootstrap, **question.get("properties", {})}


def data(text):
    return None if text is None else bytes.fromhex(text)


def text(value):
    return None if value is None else value.hex()


def send(producer, question, record, failed):
    producer.produce(
        question["topic"],
        value=data(record["value"]),
        key=data(record["key"]),
        partition=question["partition"],
        timestamp=record["timestamp"],
        headers=[(name, data(value)) for name, value in record["headers"]],
        on_delivery=lambda error, _message: failed.append(str(error)) if error else None,
    )


def flush(producer, failed):
    # What was not written must not pass for sent, or for aborted.
    left = producer.flush(30)
    if left or failed:
        raise KafkaException(f"{left} records are not acknowledged, {failed}")


def produce(question):
    failed = []
    producer = Producer(properties(question))
    for record in question["records"]:
        send(producer, question, record, failed)
    flush(producer, failed)
    return "ok"


def transactions(question):
    failed = []
    producer = Producer(properties(question))
    producer.init_transactions(30)
    for one in question["rounds"]:
        producer.begin_transaction()
        for record in one["records"]:
            send(producer, question, record, failed)
        flush(producer, failed)
        producer.commit_transaction(30) if one["commit"] else producer.abort_transaction(30)
    return "ok"


def consume(question):
    consumer = Consumer({**properties(question), "group.id": "none", "enable.partition.eof": "true"})
    topic = question["topic"]
    count = len(consumer.list_topics(topic, 30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
    read, ended = [], set()
    while len(ended) < count:
        message = consumer.poll(30)
        if message is None:
            raise KafkaException("nothing came")
        error = message.error()
        if error and error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
            continue
        if error:
            # All others are for information, librdkafka goes on by itself, but the fatal ones.
            if error.fatal():
                raise KafkaException(f"partition {message.partition()}: {error}")
            continue
        kind, timestamp = message.timestamp()
        assert kind != TIMESTAMP_NOT_AVAILABLE
        headers = [[name, text(value)] for name, value in message.headers() or []]
        read.append([message.partition(), message.offset(), timestamp, text(message.key()), text(message.value()), headers])
    consumer.close()
    return read


for line in sys.stdin:
    question = json.loads(line)
    answer = {"id": question["id"]}
    try:
        answer["is"] = {"produce": produce, "transactions": transactions, "consume": consume}[question["op"]](question)
    except Exception as error:
        answer["failed"] = repr(error)
    print(json.dumps(answer), flush=True)

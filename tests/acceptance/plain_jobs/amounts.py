"""Prints each record of a Kafka topic as a whole number; raises on one that is none. Arguments: bootstrap servers, topic, checkpoint."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("int")
def amount(text):
    return int(text)


lines = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", sys.argv[1])
    .option("subscribe", sys.argv[2])
    .option("startingOffsets", "earliest")
    # Spark asks an absent broker three times, for a minute each time by default.
    .option("kafka.default.api.timeout.ms", "4000")
    .option("kafka.request.timeout.ms", "3000")
    .load()
)
amounts = lines.select(amount(lines.value.cast("string")).alias("amount"))
amounts.writeStream.format("console").option("checkpointLocation", sys.argv[3]).start().awaitTermination()

import java.util.Arrays;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;

/** Counts the words of Kafka topics. Arguments: bootstrap servers, topics, checkpoint. */
public final class WordCount {
  public static void main(String[] args) throws Exception {
    SparkSession spark = SparkSession.builder().appName("WordCount").getOrCreate();
    Dataset<String> lines = spark.readStream().format("kafka")
        .option("kafka.bootstrap.servers", args[0]).option("subscribe", args[1]).load()
        .selectExpr("CAST(value AS STRING)").as(Encoders.STRING());
    FlatMapFunction<String, String> split = line -> Arrays.asList(line.split(" ")).iterator();
    lines.flatMap(split, Encoders.STRING()).groupBy("value").count()
        .writeStream().outputMode("complete").format("console").option("checkpointLocation", args[2]).start().awaitTermination();
  }
}

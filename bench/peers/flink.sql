CREATE TABLE records (
  service STRING,
  line BYTES,
  arrived TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  parsed AS parse_line(line, arrived),
  event_time AS TO_TIMESTAMP_LTZ(parse_line(line, arrived) / 16, 3),
  WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{kafka}',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
  'key.format' = 'raw', 'key.fields' = 'service', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY',
  'properties.max.poll.records' = '10000', 'properties.fetch.max.bytes' = '67108864',
  'properties.max.partition.fetch.bytes' = '8388608', 'properties.receive.buffer.bytes' = '1048576'
);

CREATE VIEW lines AS
SELECT service, level_of(parsed) AS level, event_time FROM records WHERE event_time IS NOT NULL;

SELECT CAST(window_start AS TIMESTAMP_LTZ(3)), service, level, COUNT(*)
FROM TABLE(HOP(TABLE lines, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
GROUP BY window_start, window_end, service, level

package weir.patterns;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Finds the episodes of a pattern for each key; spark_jobs/patterns calls it. The event that completes an episode causes its alert.
 *
 * Keys share BUCKETS groups of Spark. With a group for each key, each key needed a timer: two more writes to the state store for each
 * transaction (bench/fraud.py).
 */
public final class Episodes extends StatefulProcessor<Integer, Event, Found> {
    private static final int BUCKETS = 4096; // a check for expired keys reads one; far more than tasks, so that tasks get equal shares
    private static final int CHECKS = 4; // of a bucket in the time that a key is kept
    private static final Comparator<Event> BY_KEY = Comparator.comparing(Event::getKey);
    private final Pattern pattern;
    private transient MapState<String, byte[]> state; // by key
    private transient ValueState<Boolean> hasTimer;

    private Episodes(Pattern pattern) {
        this.pattern = pattern;
    }

    /** Returns rows with the columns of Found, for events with the columns of Event. */
    public static Dataset<Row> find(Dataset<Row> events, Pattern pattern) {
        return events.groupBy(functions.pmod(functions.hash(functions.col("key")), functions.lit(BUCKETS)).alias("bucket"))
                .as(Encoders.INT(), Encoders.bean(Event.class))
                .transformWithState(new Episodes(pattern), TimeMode.EventTime(), OutputMode.Append(), Encoders.bean(Found.class))
                .toDF();
    }

    @Override
    public void init(OutputMode mode, TimeMode time) {
        state = getHandle().getMapState("kept", Encoders.STRING(), Encoders.BINARY(), TTLConfig.NONE());
        hasTimer = getHandle().getValueState("timer", Encoders.BOOLEAN(), TTLConfig.NONE());
    }

    @Override
    public Iterator<Found> handleInputRows(Integer bucket, Iterator<Event> rows, TimerValues time) {
        List<Found> found = new ArrayList<>();
        List<Event> events = new ArrayList<>();
        while (rows.hasNext()) {
            Event event = rows.next();
            if (event.getProblem() == null) events.add(event);
            else found.add(new Found(event.getProblem(), "", event.getArrived(), event.getArrived(), event.getPartition() + "-" + event.getOffset()));
        }
        events.sort(BY_KEY);
        long watermark = time.getCurrentWatermarkInMs(), first = Long.MAX_VALUE;
        for (int from = 0, to; from < events.size(); from = to) {
            for (to = from + 1; to < events.size() && events.get(to).getKey().equals(events.get(from).getKey()); ) to++;
            first = Math.min(first, judged(events.subList(from, to), found, watermark));
        }
        if (!events.isEmpty() && !hasTimer.exists()) setTimer(first + spread(bucket));
        return scala(found);
    }

    /** Judges the events of one key. Returns the watermark (ms) at which its state expires. */
    private long judged(List<Event> events, List<Found> found, long watermark) {
        Event.sortByArrival(events);
        String key = events.get(0).getKey();
        byte[] before = state.getValue(key);
        Kept kept = before == null ? new Kept() : Kept.of(before);
        for (Event event : events) {
            Found one = kept.add(event, pattern);
            if (one != null) found.add(one);
        }
        if (kept.forgotten > 0) found.add(new Found("forgotten", key, kept.newest, kept.newest, String.valueOf(kept.forgotten)));
        // A partition that is read behind others has keys that the watermark passed before they came: their state must last, too.
        kept.until = Math.max(kept.newest, watermark) + pattern.keptMs();
        state.updateValue(key, kept.bytes());
        return kept.until;
    }

    /**
     * Drops the state of the bucket's expired keys. A batch may move the watermark by more than a step, as while a backlog is drained: then
     * steps are passed over, since a bucket has one timer a batch.
     */
    @Override
    public Iterator<Found> handleExpiredTimer(Integer bucket, TimerValues time, ExpiredTimerInfo timer) {
        List<String> expired = new ArrayList<>();
        long first = Long.MAX_VALUE, step = step(), at = timer.getExpiryTimeInMs();
        long now = at + Math.max(0, (time.getCurrentWatermarkInMs() - at) / step * step);
        Iterator<Tuple2<String, byte[]>> all = state.iterator();
        while (all.hasNext()) {
            Tuple2<String, byte[]> each = all.next();
            long until = Kept.until(each._2());
            if (until <= now) expired.add(each._1());
            else first = Math.min(first, until);
        }
        expired.forEach(state::removeKey);
        hasTimer.clear();
        if (first < Long.MAX_VALUE) setTimer(Math.max(first, now + step));
        return scala(Collections.emptyList());
    }

    /** Sets the bucket's timer; it has at most one. */
    private void setTimer(long at) {
        getHandle().registerTimer(at);
        hasTimer.update(true);
    }

    /** Delays the checks of the buckets by different times, so that they do not all fall into one batch. */
    private long spread(int bucket) {
        return step() * bucket / BUCKETS;
    }

    private long step() {
        return Math.max(1, pattern.keptMs() / CHECKS);
    }

    private static Iterator<Found> scala(List<Found> found) {
        return CollectionConverters.asScala(found.iterator());
    }
}

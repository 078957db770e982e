package weir.patterns;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/** Finds the episodes of a pattern for each key; spark_jobs/patterns calls it. The event that completes an episode causes its alert. */
public final class Episodes extends StatefulProcessor<String, Event, Found> {
    private final Pattern pattern;
    private transient ValueState<byte[]> state;

    private Episodes(Pattern pattern) {
        this.pattern = pattern;
    }

    /** Returns rows with the columns of Found, for events with the columns of Event. */
    public static Dataset<Row> find(Dataset<Row> events, Pattern pattern) {
        return events.as(Encoders.bean(Event.class))
                .groupByKey((MapFunction<Event, String>) Event::getKey, Encoders.STRING())
                .transformWithState(new Episodes(pattern), TimeMode.EventTime(), OutputMode.Append(), Encoders.bean(Found.class))
                .toDF();
    }

    @Override
    public void init(OutputMode mode, TimeMode time) {
        state = getHandle().getValueState("kept", Encoders.BINARY(), TTLConfig.NONE());
    }

    @Override
    public Iterator<Found> handleInputRows(String key, Iterator<Event> rows, TimerValues time) {
        List<Found> found = new ArrayList<>();
        List<Event> events = new ArrayList<>();
        while (rows.hasNext()) {
            Event event = rows.next();
            if (event.getProblem() == null) events.add(event);
            else found.add(new Found(event.getProblem(), "", event.getArrived(), event.getArrived(), event.getPartition() + "-" + event.getOffset()));
        }
        if (!events.isEmpty()) judge(key, events, found, time.getCurrentWatermarkInMs());
        return scala(found);
    }

    private void judge(String key, List<Event> events, List<Found> found, long watermark) {
        Event.sortByArrival(events);
        byte[] before = state.get();
        Kept kept = before == null ? new Kept() : Kept.of(before);
        for (Event event : events) {
            Found one = kept.add(event, pattern);
            if (one != null) found.add(one);
        }
        if (kept.forgotten > 0) found.add(new Found("forgotten", key, kept.newest, kept.newest, String.valueOf(kept.forgotten)));
        // A partition that is read behind others has keys that the watermark passed before they came: their state must last, too.
        kept.until = Math.max(kept.newest, watermark) + pattern.keptMs();
        if (!kept.hasTimer) getHandle().registerTimer(kept.until);
        kept.hasTimer = true;
        state.update(kept.bytes());
    }

    /** Drops the state of a key without newer events. Each key has only one timer at a time, since timers cost as much as the state. */
    @Override
    public Iterator<Found> handleExpiredTimer(String key, TimerValues time, ExpiredTimerInfo timer) {
        Kept kept = Kept.of(state.get());
        if (kept.until <= timer.getExpiryTimeInMs()) state.clear();
        else getHandle().registerTimer(kept.until);
        return scala(Collections.emptyList());
    }

    private static Iterator<Found> scala(List<Found> found) {
        return CollectionConverters.asScala(found.iterator());
    }
}

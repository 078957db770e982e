package weir.patterns;

import java.util.Arrays;

/** A row of the result: a bean of Spark's. `kind` is alert, late, forgotten, or the problem of an event. */
public final class Found {
    private static final int MOST_IDS = 1000; // with all of 10,000 events a row was larger than the 1 MB that a topic takes

    private String kind = "";
    private String key = "";
    private long firstAt; // ms
    private long lastAt; // ms
    private int events; // how many prove it
    private String[] ids = {}; // of these events by event time, without those in the middle if there are more than MOST_IDS

    public Found() {}

    Found(String kind, String key, long firstAt, long lastAt, String... ids) {
        this.kind = kind;
        this.key = key;
        this.firstAt = firstAt;
        this.lastAt = lastAt;
        this.events = ids.length;
        this.ids = ids.length > MOST_IDS ? ends(ids) : ids;
    }

    private static String[] ends(String[] ids) {
        String[] found = Arrays.copyOf(ids, MOST_IDS);
        System.arraycopy(ids, ids.length - MOST_IDS / 2, found, MOST_IDS / 2, MOST_IDS / 2);
        return found;
    }

    public String getKind() {
        return kind;
    }

    public void setKind(String kind) {
        this.kind = kind;
    }

    public String getKey() {
        return key;
    }

    public void setKey(String key) {
        this.key = key;
    }

    public long getFirstAt() {
        return firstAt;
    }

    public void setFirstAt(long firstAt) {
        this.firstAt = firstAt;
    }

    public long getLastAt() {
        return lastAt;
    }

    public void setLastAt(long lastAt) {
        this.lastAt = lastAt;
    }

    public int getEvents() {
        return events;
    }

    public void setEvents(int events) {
        this.events = events;
    }

    public String[] getIds() {
        return ids;
    }

    public void setIds(String[] ids) {
        this.ids = ids;
    }
}

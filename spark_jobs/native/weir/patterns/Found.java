package weir.patterns;

/** A row of the result, as a Spark bean. `kind` is alert, late, forgotten, or the problem of an event. */
public final class Found {
    private String kind = "";
    private String key = "";
    private long firstAt; // ms
    private long lastAt; // ms
    private String[] ids = {}; // alert: the events, by event time; late: the event; forgotten: how many; else PARTITION-OFFSET

    public Found() {}

    Found(String kind, String key, long firstAt, long lastAt, String... ids) {
        this.kind = kind;
        this.key = key;
        this.firstAt = firstAt;
        this.lastAt = lastAt;
        this.ids = ids;
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

    public String[] getIds() {
        return ids;
    }

    public void setIds(String[] ids) {
        this.ids = ids;
    }
}

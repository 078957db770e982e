package weir.patterns;

/** An event from the pipeline, as a Spark bean. If the pattern counts different values, it counts those of `value`. */
public final class Event {
    private String key = "";
    private String id = "";
    private long at; // ms, event time
    private String value = "";
    private long arrived; // ms, when the broker appended it
    private int partition;
    private long offset;
    private String problem; // why the record is not an event (unreadable or future); null if it is one

    public String getKey() {
        return key;
    }

    public void setKey(String key) {
        this.key = key;
    }

    public String getId() {
        return id;
    }

    public void setId(String id) {
        this.id = id;
    }

    public long getAt() {
        return at;
    }

    public void setAt(long at) {
        this.at = at;
    }

    public String getValue() {
        return value;
    }

    public void setValue(String value) {
        this.value = value;
    }

    public long getArrived() {
        return arrived;
    }

    public void setArrived(long arrived) {
        this.arrived = arrived;
    }

    public int getPartition() {
        return partition;
    }

    public void setPartition(int partition) {
        this.partition = partition;
    }

    public long getOffset() {
        return offset;
    }

    public void setOffset(long offset) {
        this.offset = offset;
    }

    public String getProblem() {
        return problem;
    }

    public void setProblem(String problem) {
        this.problem = problem;
    }

    /** Compares events of one key by the order in which they were appended. They are in one partition if the record has the same key. */
    static int byArrival(Event one, Event other) {
        int found = Long.compare(one.arrived, other.arrived);
        if (found == 0) found = Integer.compare(one.partition, other.partition);
        return found == 0 ? Long.compare(one.offset, other.offset) : found;
    }
}

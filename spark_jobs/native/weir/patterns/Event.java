package weir.patterns;

import java.util.Comparator;
import java.util.List;

/** An event as the pipeline gives it: a bean of Spark's. `value` is what is counted once if the pattern counts different values. */
public final class Event {
    private String key = "";
    private String id = "";
    private long at; // ms, event time
    private String value = "";
    private long arrived; // ms, when the broker appended it, or what the producer claims (CreateTime)
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

    /**
     * Puts events of one key in the order in which they arrived: in a partition that of its offsets, whatever times a producer claims; of
     * several partitions by time. An event arrives no earlier than those before it in its partition.
     */
    static void sortByArrival(List<Event> events) {
        events.sort(Comparator.comparingInt(Event::getPartition).thenComparingLong(Event::getOffset));
        for (int i = 1; i < events.size(); i++) {
            Event one = events.get(i), before = events.get(i - 1);
            if (one.partition == before.partition) one.arrived = Math.max(one.arrived, before.arrived);
        }
        events.sort(Comparator.comparingLong(Event::getArrived)); // stable
    }
}

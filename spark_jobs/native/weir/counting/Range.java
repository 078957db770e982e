package weir.counting;

import java.io.Serializable;

/** Offsets of one partition, from `from` up to, and without, `to`. `number` is its place in the batch. */
record Range(int number, String topic, int partition, long from, long to) implements Serializable {
    boolean empty() {
        return from >= to;
    }

    @Override
    public String toString() {
        return topic + "-" + partition + " [" + from + ", " + to + ")";
    }
}

package weir.patterns;

import java.io.Serializable;

/** More than `moreThan` events (or different values) of one key whose times are at most `withinMs` apart. */
public final class Pattern implements Serializable {
    final long withinMs;
    final long latenessMs; // how far an event may be behind the newest one of its key
    final int moreThan;
    final boolean values; // count different values instead of events
    final int most; // events of a key that are kept

    public Pattern(long withinMs, long latenessMs, int moreThan, boolean values, int most) {
        this.withinMs = withinMs;
        this.latenessMs = latenessMs;
        this.moreThan = moreThan;
        this.values = values;
        this.most = most;
    }

    long keptMs() {
        return withinMs + latenessMs;
    }
}

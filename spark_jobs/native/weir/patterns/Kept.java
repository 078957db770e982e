package weir.patterns;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The events of a key that a later event may need, by event time, then id. An event is `told` once its episode has had an alert. */
final class Kept {
    private static final int FORMAT = 1; // the first byte of the state

    private final List<Seen> events;
    long newest = Long.MIN_VALUE; // ms: the largest event time so far
    boolean hasTimer;
    int forgotten; // events of this batch that were dropped because there were too many; not part of the state

    private static final class Seen implements Comparable<Seen> {
        final long at;
        final String id;
        final String value;
        boolean told;

        Seen(long at, String id, String value, boolean told) {
            this.at = at;
            this.id = id;
            this.value = value;
            this.told = told;
        }

        @Override
        public int compareTo(Seen other) {
            return at == other.at ? id.compareTo(other.id) : Long.compare(at, other.at);
        }
    }

    Kept() {
        events = new ArrayList<>(2);
    }

    private Kept(int n) {
        events = new ArrayList<>(n + 2);
    }

    /** Adds an event, and returns the row that it causes, or null. Ignores an event whose id is known. */
    Found add(Event event, Pattern pattern) {
        long at = event.getAt();
        if (newest != Long.MIN_VALUE && at < newest - pattern.latenessMs) return new Found("late", event.getKey(), at, at, event.getId());
        for (Seen seen : events) if (seen.id.equals(event.getId())) return null;
        int place = place(new Seen(at, event.getId(), event.getValue(), false));
        newest = Math.max(newest, at);
        Found found = judged(event.getKey(), place, pattern);
        forget(newest - pattern.keptMs());
        int beyond = Math.max(0, events.size() - pattern.most);
        events.subList(0, beyond).clear();
        forgotten += beyond;
        return found;
    }

    private int place(Seen seen) {
        int place = events.size();
        while (place > 0 && events.get(place - 1).compareTo(seen) > 0) place--;
        events.add(place, seen);
        return place;
    }

    private void forget(long before) {
        int n = 0;
        while (n < events.size() && events.get(n).at < before) n++;
        events.subList(0, n).clear();
    }

    /**
     * Marks all events of the windows that contain the event at `place` and match the pattern. They are a new episode unless one of them was
     * marked before: each matching window was judged when its last event came.
     */
    private Found judged(String key, int place, Pattern pattern) {
        int[] span = matching(place, pattern);
        if (span == null) return null;
        boolean told = false;
        for (Seen seen : events.subList(span[0], span[1] + 1)) {
            told |= seen.told;
            seen.told = true;
        }
        if (told) return null;
        List<Seen> episode = events.subList(span[0], span[1] + 1);
        String[] ids = episode.stream().map(seen -> seen.id).toArray(String[]::new);
        return new Found("alert", key, episode.get(0).at, episode.get(episode.size() - 1).at, ids);
    }

    /** Returns the first and last place of the events in matching windows that contain the event at `place`; null if no window matches. */
    private int[] matching(int place, Pattern pattern) {
        int start = place, end = place - 1, first = -1, last = -1;
        while (start > 0 && events.get(start - 1).at >= events.get(place).at - pattern.withinMs) start--;
        Map<String, Integer> values = new HashMap<>();
        for (int i = start, next = start; i <= place; i++) {
            for (; next < events.size() && events.get(next).at <= events.get(i).at + pattern.withinMs; next++) {
                if (pattern.values) values.merge(events.get(next).value, 1, Integer::sum);
                end = next;
            }
            if ((pattern.values ? values.size() : end - i + 1) > pattern.moreThan) {
                if (first < 0) first = i;
                last = end;
            }
            if (pattern.values) values.computeIfPresent(events.get(i).value, (value, n) -> n == 1 ? null : n - 1);
        }
        return first < 0 ? null : new int[] {first, last};
    }

    byte[] bytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(16 + 40 * events.size());
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeBoolean(hasTimer);
            out.writeLong(newest);
            out.writeInt(events.size());
            for (Seen seen : events) {
                out.writeLong(seen.at);
                out.writeUTF(seen.id);
                out.writeUTF(seen.value);
                out.writeBoolean(seen.told);
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        return bytes.toByteArray();
    }

    static Kept of(byte[] state) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(state))) {
            int format = in.readByte();
            if (format != FORMAT) throw new IllegalStateException("state of format " + format + ": this release reads " + FORMAT);
            boolean hasTimer = in.readBoolean();
            long newest = in.readLong();
            Kept kept = new Kept(in.readInt());
            kept.hasTimer = hasTimer;
            kept.newest = newest;
            while (in.available() > 0) kept.events.add(new Seen(in.readLong(), in.readUTF(), in.readUTF(), in.readBoolean()));
            return kept;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}

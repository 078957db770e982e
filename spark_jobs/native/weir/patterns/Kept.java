package weir.patterns;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The events of a key that a later event may need, by event time, then id. An event is `told` once its episode has had an alert. */
final class Kept {
    private static final int FORMAT = 2; // the first byte of the state
    private static final int FEW = 16; // events whose ids are compared one by one; nearly every key has fewer

    private final List<Seen> events;
    private Set<String> ids; // of the events; null while they are few
    long newest = Long.MIN_VALUE; // ms: the largest event time so far
    long until; // ms: the watermark at which the state goes
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
        if (isKnown(event.getId())) return null;
        if (newest != Long.MIN_VALUE && at < newest - pattern.latenessMs) return new Found("late", event.getKey(), at, at, event.getId());
        int place = place(new Seen(at, event.getId(), event.getValue(), false));
        newest = Math.max(newest, at);
        Found found = judged(event.getKey(), place, pattern);
        forget(newest - pattern.keptMs());
        int beyond = Math.max(0, events.size() - pattern.most);
        drop(beyond);
        forgotten += beyond;
        return found;
    }

    private boolean isKnown(String id) {
        if (ids == null && events.size() > FEW) {
            ids = new HashSet<>(2 * events.size());
            for (Seen seen : events) ids.add(seen.id);
        }
        if (ids != null) return ids.contains(id);
        for (Seen seen : events) if (seen.id.equals(id)) return true;
        return false;
    }

    private int place(Seen seen) {
        int place = events.size();
        while (place > 0 && events.get(place - 1).compareTo(seen) > 0) place--;
        events.add(place, seen);
        if (ids != null) ids.add(seen.id);
        return place;
    }

    private void forget(long before) {
        int n = 0;
        while (n < events.size() && events.get(n).at < before) n++;
        drop(n);
    }

    private void drop(int oldest) {
        if (oldest == 0) return;
        List<Seen> dropped = events.subList(0, oldest);
        if (ids != null) for (Seen seen : dropped) ids.remove(seen.id);
        dropped.clear();
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

    /**
     * First and last place of the events in matching windows that have the event at `place`; null if no window matches.
     *
     * A window begins at each event of the `within` before it. The first that matches is looked for from the oldest on, the last from the
     * event back: in a key with thousands of events in a window both are found at once.
     */
    private int[] matching(int place, Pattern pattern) {
        int start = atOrAfter(events.get(place).at - pattern.withinMs);
        if (pattern.values && !differs(start, place, pattern)) return null;
        int first = first(start, place, pattern);
        return first < 0 ? null : new int[] {first, last(place, pattern)};
    }

    /** The place where the first window that matches begins; -1 without one. */
    private int first(int start, int place, Pattern pattern) {
        Map<String, Integer> values = new HashMap<>();
        for (int i = start, next = start; i <= place; i++) {
            for (; next < events.size() && events.get(next).at <= events.get(i).at + pattern.withinMs; next++) {
                if (pattern.values) values.merge(events.get(next).value, 1, Integer::sum);
                if ((pattern.values ? values.size() : next - i + 1) > pattern.moreThan) return i;
            }
            if (pattern.values) values.computeIfPresent(events.get(i).value, (value, n) -> n == 1 ? null : n - 1);
        }
        return -1;
    }

    /** The place of the last event of the last window that matches; there must be one. */
    private int last(int place, Pattern pattern) {
        int end = atOrAfter(events.get(place).at + pattern.withinMs + 1) - 1;
        Map<String, Integer> values = new HashMap<>();
        if (pattern.values) for (int i = place + 1; i <= end; i++) values.merge(events.get(i).value, 1, Integer::sum);
        for (int i = place; ; i--) {
            if (pattern.values) values.merge(events.get(i).value, 1, Integer::sum);
            for (; events.get(end).at > events.get(i).at + pattern.withinMs; end--) {
                if (pattern.values) values.computeIfPresent(events.get(end).value, (value, n) -> n == 1 ? null : n - 1);
            }
            if ((pattern.values ? values.size() : end - i + 1) > pattern.moreThan) return end;
        }
    }

    /** Whether all windows together have enough different values: thousands of events with the same one are passed over. */
    private boolean differs(int start, int place, Pattern pattern) {
        long until = events.get(place).at + pattern.withinMs;
        Set<String> values = new HashSet<>();
        String before = null;
        for (int i = start; i < events.size() && events.get(i).at <= until; i++) {
            String value = events.get(i).value;
            if (!value.equals(before) && values.add(value) && values.size() > pattern.moreThan) return true;
            before = value;
        }
        return false;
    }

    /** The place of the first event at a time or later. */
    private int atOrAfter(long at) {
        int low = 0, high = events.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (events.get(middle).at < at) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    byte[] bytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(16 + 40 * events.size());
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeLong(newest);
            out.writeLong(until);
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

    /** The watermark (ms) at which a state goes, without reading the rest of it. */
    static long until(byte[] state) {
        requireFormat(state[0]);
        return ByteBuffer.wrap(state).getLong(1 + Long.BYTES);
    }

    private static void requireFormat(byte format) {
        if (format != FORMAT) throw new IllegalStateException("state of format " + format + ": this release reads " + FORMAT);
    }

    static Kept of(byte[] state) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(state))) {
            requireFormat(in.readByte());
            long newest = in.readLong(), until = in.readLong();
            Kept kept = new Kept(in.readInt());
            kept.newest = newest;
            kept.until = until;
            while (in.available() > 0) kept.events.add(new Seen(in.readLong(), in.readUTF(), in.readUTF(), in.readBoolean()));
            return kept;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}

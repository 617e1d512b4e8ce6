package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What segments should be, in a tree map, slowly. Handles are those that the structure gave. */
final class SegmentModel {
    /** What a segment should be. */
    record Entry(long handle, long start, long end, long availStart, long availEnd, int freeList) {
        Entry within(long from, long to) {
            return new Entry(
                    handle,
                    from,
                    to,
                    Math.clamp(availStart, from, to),
                    Math.clamp(availEnd, from, to),
                    freeList);
        }

        Entry named(long other) {
            return new Entry(other, start, end, availStart, availEnd, freeList);
        }
    }

    private final TreeMap<Long, Entry> entries = new TreeMap<>();

    /** The segment of a frame, or null. */
    Entry at(long frame) {
        var below = entries.floorEntry(frame);
        return below != null && frame < below.getValue().end() ? below.getValue() : null;
    }

    boolean isFree(long start, long end) {
        var below = entries.lowerEntry(end);
        return below == null || below.getValue().end() <= start;
    }

    void plug(Entry entry) {
        entries.put(entry.start(), entry);
    }

    /** Takes a range of one segment; the handle of a new one above is asked of the structure. */
    void unplug(long start, long end, SegmentMap segments, boolean keepsHandles) {
        var old = at(start);
        entries.remove(old.start());
        if (start > old.start()) {
            plug(old.within(old.start(), start));
        }
        if (end < old.end()) {
            var upper = old.within(end, old.end());
            plug(start > old.start() || !keepsHandles ? upper.named(segments.find(end)) : upper);
        }
        if (!keepsHandles) {
            rename(segments);
        }
    }

    /** Takes over the handles of a structure whose handles move. */
    void rename(SegmentMap segments) {
        entries.replaceAll((start, entry) -> entry.named(segments.find(start)));
    }

    List<Entry> all() {
        return new ArrayList<>(entries.values());
    }

    /** Everything that can be asked about all segments answers as this model does. */
    void check(SegmentMap segments, SegmentPlace place) {
        assertThat(segments.count()).isEqualTo(entries.size());
        long handle = segments.first();
        long before = SegmentMap.EMPTY;
        for (var entry : entries.values()) {
            assertThat(handle).as("handle of %s", entry).isEqualTo(entry.handle());
            checkOne(segments, entry);
            assertThat(segments.prev(handle)).isEqualTo(before);
            assertThat(segments.segment(handle, place)).isTrue();
            assertThat(place.startFrame()).isEqualTo(entry.start());
            before = handle;
            handle = segments.next(handle);
        }
        assertThat(handle).isEqualTo(entries.isEmpty() ? SegmentMap.EMPTY : SegmentMap.OVERFLOW);
        assertThat(segments.last()).isEqualTo(before);
        assertThat(segments.highestFrame())
                .isEqualTo(
                        entries.isEmpty()
                                ? SegmentMap.INVALID
                                : entries.lastEntry().getValue().end() - 1);
    }

    private static void checkOne(SegmentMap segments, Entry entry) {
        long handle = entry.handle();
        assertThat(segments.valid(handle)).isTrue();
        var told =
                new Entry(
                        handle,
                        segments.start(handle),
                        segments.end(handle),
                        segments.availStart(handle),
                        segments.availEnd(handle),
                        (int) segments.freeList(handle));
        assertThat(told).isEqualTo(entry);
    }

    /** Every frame of a range is found where this model has it. */
    void checkFrames(SegmentMap segments, long start, long end, SegmentPlace place) {
        for (long frame = start; frame < end; frame++) {
            var entry = at(frame);
            long expected = entry == null ? SegmentMap.INVALID : entry.handle();
            if (segments.find(frame) != expected) {
                assertThat(segments.find(frame)).as("frame %#x", frame).isEqualTo(expected);
            }
            boolean found = segments.find(frame, place);
            assertThat(found).isEqualTo(entry != null);
            if (found) {
                assertThat(place.handle()).isEqualTo(expected);
                assertThat(place.startFrame()).isEqualTo(entry.start());
                assertThat(place.endFrame()).isEqualTo(entry.end());
                assertThat(place.offsetFrames()).isEqualTo(frame - entry.start());
            }
        }
    }

    Map<Long, Entry> byStart() {
        return entries;
    }
}

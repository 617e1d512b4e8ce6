package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds mistakes in the use of mapping services, as Linux's dma-debug: what is left mapped,
 * unmapped twice or wrongly, used after unmapping, or not synced; each with the place that mapped
 * it.
 *
 * <p>It watches services over one physical memory, whatever their strategy, also without an IOMMU.
 * Mistakes are counted by kind, and told in a bounded number of lines; the same mistake of the same
 * place is told once. Any thread. It takes locks, allocates, and copies what the device is to read:
 * for finding mistakes, not for work. Who does not debug has none of this on the way.
 *
 * <p><b>What it cannot see.</b> That the processor <em>reads</em> a buffer while the device writes
 * it, or changes one then: its writes look like the device's. Bytes beyond the first {@value
 * LiveDebug#WATCHED_BYTES} of a buffer. A device that uses a stale IOVA inside the strategy's
 * window while the memory is still the driver's; what was given back is filled with a pattern, and
 * a change of that is seen.
 */
public final class DmaDebug implements AutoCloseable {
    /** Live mappings that a driver is expected to have at most: VFIO's own limit. */
    public static final int DEFAULT_LIVE_LIMIT = 65_535;

    private static final int MAX_LINES = 64;
    private static final int REMEMBERED = 1024;

    private final PhysicalMemory memory;
    private final int liveLimit;
    private final Map<Long, List<LiveDebug>> byPage = new HashMap<>();
    private final Map<Long, List<LiveDebug>> byFrame = new HashMap<>();
    private final Deque<LiveDebug> ended = new ArrayDeque<>();
    private final Map<DmaMistake, Long> counts = new EnumMap<>(DmaMistake.class);
    private final Map<String, String> lines = new LinkedHashMap<>();
    private final ReturnedPattern returned;
    private int live;
    private boolean tooMany;

    /**
     * @param memory what its services map; closed after this
     * @param liveLimit more live mappings than this are a mistake
     */
    public DmaDebug(PhysicalMemory memory, int liveLimit) {
        if (liveLimit < 1) {
            throw new IllegalArgumentException("liveLimit=" + liveLimit + " is not positive");
        }
        this.memory = memory;
        this.liveLimit = liveLimit;
        returned = new ReturnedPattern(this, memory);
        memory.addHolder(returned);
    }

    /** The same service, watched. Closing it closes the service. */
    public Dma watch(Dma service) {
        return new DebugDma(this, service);
    }

    /** A device was stopped: says which mapping it was after. */
    public synchronized void fault(Fault fault) {
        for (LiveDebug mapping : at(fault.iova())) {
            if ((fault.access() & ~mapping.direction.access()) != 0) {
                add(
                        DmaMistake.DEVICE_AGAINST_DIRECTION,
                        mapping.mapped,
                        "%s; the device wanted %s: %s"
                                .formatted(mapping, Access.name(fault.access()), fault));
                return;
            }
        }
        for (Iterator<LiveDebug> last = ended.descendingIterator(); last.hasNext(); ) {
            LiveDebug mapping = last.next();
            long page = fault.iova() >>> IoPage.SHIFT;
            if (page >= mapping.firstPage() && page < mapping.firstPage() + mapping.pages()) {
                add(
                        DmaMistake.DEVICE_AFTER_UNMAP,
                        mapping.mapped,
                        "%s, unmapped at %s; then %s".formatted(mapping, mapping.unmapped, fault));
                return;
            }
        }
        add(DmaMistake.DEVICE_ASTRAY, null, "no mapping is known for " + fault);
    }

    /** How many mistakes were found. */
    public synchronized long findings() {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    /** How many of each kind that was found at all. */
    public synchronized Map<DmaMistake, Long> counts() {
        return new EnumMap<>(counts);
    }

    /** A line for each mistake and place, at most {@value #MAX_LINES}. */
    public synchronized List<String> lines() {
        return List.copyOf(lines.values());
    }

    /**
     * Looks at what was given back a last time, and lets go of it. The services are closed before,
     * the memory after.
     */
    @Override
    public void close() {
        returned.close();
        memory.removeHolder(returned);
    }

    synchronized void add(DmaMistake mistake, CodePlace place, String what) {
        counts.merge(mistake, 1L, Long::sum);
        if (lines.size() < MAX_LINES) {
            lines.putIfAbsent(mistake + " " + place, mistake + ": " + what);
        }
    }

    /** The driver's memory at an address; none if it is another's, granted. */
    MemorySegment bytes(long physicalAddress, long lengthBytes) {
        if (!memory.contains(physicalAddress, lengthBytes)) {
            return MemorySegment.NULL;
        }
        for (PhysicalSegment segment : memory.segments()) {
            long offset = physicalAddress - segment.physicalAddress();
            if (offset >= 0 && offset <= segment.lengthBytes() - lengthBytes) {
                return segment.memory().asSlice(offset, lengthBytes);
            }
        }
        return MemorySegment.NULL;
    }

    void makeRoom() {
        returned.letGo(0);
    }

    private List<LiveDebug> at(long iova) {
        return byPage.getOrDefault(iova >>> IoPage.SHIFT, List.of());
    }

    synchronized void mapped(LiveDebug mapping) {
        // What comes back because its unmap was refused has been judged already.
        boolean contradicts = ended.removeLastOccurrence(mapping);
        for (int page = 0; page < mapping.pages(); page++) {
            List<LiveDebug> others =
                    byFrame.computeIfAbsent(
                            mapping.firstFrame() + page, frame -> new ArrayList<>());
            for (LiveDebug other : others) {
                if (!contradicts
                        && other.direction != mapping.direction
                        && other.overlaps(mapping)) {
                    contradicts = true;
                    add(
                            DmaMistake.DIRECTIONS_CONTRADICT,
                            mapping.mapped,
                            "%s overlaps %s".formatted(mapping, other));
                }
            }
            others.add(mapping);
            byPage.computeIfAbsent(mapping.firstPage() + page, key -> new ArrayList<>())
                    .add(mapping);
        }
        live++;
        if (live > liveLimit && !tooMany) {
            tooMany = true;
            add(
                    DmaMistake.TOO_MANY,
                    mapping.mapped,
                    "%d mappings are live, more than %d; the last is %s"
                            .formatted(live, liveLimit, mapping));
        }
    }

    /** The mapping that an unmap means, or null; tells of what is wrong with it. */
    synchronized LiveDebug unmapping(DebugDma service, long iova, int lengthBytes) {
        LiveDebug other = null;
        for (LiveDebug mapping : at(iova)) {
            if (mapping.service == service && mapping.iova == iova) {
                if (mapping.lengthBytes == lengthBytes && mapping.list == null) {
                    return mapping;
                }
                other = mapping;
            }
        }
        String what =
                "iova=0x%x lengthBytes=%d unmapped at %s"
                        .formatted(iova, lengthBytes, CodePlace.here());
        if (other == null) {
            unknown(iova, lengthBytes, what);
            return null;
        }
        add(
                other.list == null ? DmaMistake.WRONG_LENGTH : DmaMistake.WRONG_LIST,
                other.mapped,
                what + ", but " + other + (other.list == null ? "" : " as part of a list"));
        return other.list == null ? other : null;
    }

    private void unknown(long iova, int lengthBytes, String what) {
        for (Iterator<LiveDebug> last = ended.descendingIterator(); last.hasNext(); ) {
            LiveDebug mapping = last.next();
            if (mapping.iova == iova && mapping.lengthBytes == lengthBytes) {
                add(
                        DmaMistake.UNMAPPED_TWICE,
                        mapping.mapped,
                        "%s; %s, unmapped before at %s".formatted(what, mapping, mapping.unmapped));
                return;
            }
        }
        add(DmaMistake.UNMAPPED_UNKNOWN, CodePlace.here(), what);
    }

    /** A mapping is gone. */
    synchronized void unmapped(LiveDebug mapping) {
        mapping.unmapped = CodePlace.here();
        for (int page = 0; page < mapping.pages(); page++) {
            remove(byPage, mapping.firstPage() + page, mapping);
            remove(byFrame, mapping.firstFrame() + page, mapping);
        }
        live--;
        if (ended.size() == REMEMBERED) {
            ended.removeFirst();
        }
        ended.addLast(mapping);
    }

    private static void remove(Map<Long, List<LiveDebug>> map, long key, LiveDebug mapping) {
        List<LiveDebug> mappings = map.get(key);
        mappings.remove(mapping);
        if (mappings.isEmpty()) {
            map.remove(key);
        }
    }

    /** Whether the processor changed what the device was to read; before the unmap. */
    synchronized void compare(LiveDebug mapping) {
        long at = mapping.changedAt();
        if (at >= 0) {
            add(
                    DmaMistake.SYNC_FORGOTTEN,
                    mapping.mapped,
                    "byte %d of %s changed before its unmap at %s, without syncForDevice"
                            .formatted(at, mapping, CodePlace.here()));
        }
    }

    /** The device is shown these bytes of this service, or the processor is. */
    synchronized void syncing(DebugDma service, long iova, int lengthBytes, boolean show) {
        boolean found = false;
        // Several mappings may share an IOVA: of cached ones, or without an IOMMU.
        for (LiveDebug mapping : at(iova)) {
            if (mapping.service == service && mapping.holds(iova, lengthBytes)) {
                found = true;
                if (show) {
                    mapping.show(iova, lengthBytes);
                }
            }
        }
        if (!found) {
            CodePlace place = CodePlace.here();
            add(
                    DmaMistake.SYNC_UNKNOWN,
                    place,
                    "iova=0x%x lengthBytes=%d synced at %s is of no mapping"
                            .formatted(iova, lengthBytes, place));
        }
    }

    synchronized Collection<LiveDebug> liveOf(DebugDma service) {
        return byPage.values().stream()
                .flatMap(List::stream)
                .filter(mapping -> mapping.service == service)
                .distinct()
                .toList();
    }

    /** Pages were given back: tells if they are mapped. */
    synchronized void givenBack(long firstFrame, int pages) {
        for (long frame = firstFrame; frame < firstFrame + pages; frame++) {
            for (LiveDebug mapping : byFrame.getOrDefault(frame, List.of())) {
                if (frame == Math.max(firstFrame, mapping.firstFrame())) {
                    add(
                            DmaMistake.CLOSED_WHILE_MAPPED,
                            mapping.mapped,
                            "%s; its memory was given back at %s"
                                    .formatted(mapping, CodePlace.here()));
                }
            }
        }
    }

    /** A page that was given back has changed. */
    synchronized void changed(long frame, long physicalAddress, CodePlace givenBack) {
        String last = "it was not mapped lately";
        for (LiveDebug mapping : ended) {
            if (frame >= mapping.firstFrame() && frame < mapping.firstFrame() + mapping.pages()) {
                last = "last was %s, unmapped at %s".formatted(mapping, mapping.unmapped);
            }
        }
        add(
                DmaMistake.CHANGED_AFTER_CLOSE,
                givenBack,
                "physicalAddress=0x%x changed after it was given back at %s; %s"
                        .formatted(physicalAddress, givenBack, last));
    }
}

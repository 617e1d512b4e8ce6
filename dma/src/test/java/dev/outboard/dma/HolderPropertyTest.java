package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.device.DeviceHolder;
import dev.outboard.dma.mediator.MediatorHolder;
import dev.outboard.dma.window.WindowHolder;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Invariants 1, 2 and 3 of the design under every strategy, over every holder of translations, in
 * every format: a random driver maps, unmaps, flushes, gets and loses memory of others, and after
 * each step a device reaches what is mapped, by its direction, and beyond that only what the
 * strategy's window allows.
 */
final class HolderPropertyTest {
    private static final int STEPS = 40;
    private static final int REGIONS = 4;
    private static final int REGION_BYTES = 16 * 4096;
    private static final long MEMORY_BYTES = 1 << 20;
    private static final int WINDOW_ENTRIES = 24;
    private static final String[] FORMATS = {
        "calgary", "dart", "papr", "papr-64k", "papr:3", "vtd", "amdv1", "vhpt"
    };

    @TempDir Path directory;

    private Random random;
    private Holder holder;
    private Strategy strategy;
    private Dma dma;
    private HolderModel model;
    private final DmaMemory[] regions = new DmaMemory[REGIONS];
    private final Grant[] grants = new Grant[REGIONS];
    private final List<Single> singles = new ArrayList<>();
    private final List<ScatterGatherList> lists = new ArrayList<>();
    private final List<DmaDirection> listDirections = new ArrayList<>();
    private long lent = -1;
    private long nextTag = 1;

    private record Single(
            long iova, long physicalAddress, int lengthBytes, DmaDirection direction) {
        boolean isWithin(long start, long lengthBytes) {
            return physicalAddress >= start && physicalAddress < start + lengthBytes;
        }
    }

    static Stream<Arguments> everything() {
        return Stream.of("table", "mediator", "device", "windows")
                .flatMap(
                        holder ->
                                Arrays.stream(Strategy.values())
                                        .filter(strategy -> strategy != Strategy.OFF)
                                        .flatMap(
                                                strategy ->
                                                        Arrays.stream(FORMATS)
                                                                .filter(
                                                                        format ->
                                                                                has(holder, format))
                                                                .map(
                                                                        format ->
                                                                                Arguments.of(
                                                                                        holder,
                                                                                        strategy,
                                                                                        format))));
    }

    /** Windows have no format: one stands for all. */
    private static boolean has(String holder, String format) {
        return !holder.equals("windows") || format.equals("dart");
    }

    @ParameterizedTest
    @MethodSource("everything")
    void shouldReachWhatIsMappedAndNothingOutsideTheWindow(
            String where, Strategy strategy, String format) {
        long seed = Long.getLong("dev.outboard.seed", System.nanoTime());
        this.strategy = strategy;
        random = new Random(seed);
        StrategyOptions options = StrategyOptions.of(strategy);
        if (strategy == Strategy.DEFERRED) {
            options = options.withQueue(WINDOW_ENTRIES, Long.MAX_VALUE);
        } else if (strategy == Strategy.CACHED) {
            options = options.withCacheEntries(WINDOW_ENTRIES);
        }
        try (Holder opened = open(where, domain(format));
                Dma service = opened.domain().dma(options)) {
            holder = opened;
            dma = service;
            model = new HolderModel(holder, dma, options, this::isBuffer);
            for (int region = 0; region < REGIONS; region++) {
                regions[region] = holder.memory().allocate(REGION_BYTES);
                grant(region);
            }
            for (int step = 0; step < STEPS; step++) {
                step();
                model.probe(step % 16 == 0);
            }
            end();
        } catch (AssertionError | RuntimeException failure) {
            throw new AssertionError("seed=" + seed + ": " + failure.getMessage(), failure);
        }
    }

    private Holder open(String where, DomainOptions options) {
        return switch (where) {
            case "table" -> new TableHolder(directory, options, MEMORY_BYTES);
            case "mediator" -> new MediatorHolder(directory, options, MEMORY_BYTES);
            case "windows" -> new WindowHolder(options, MEMORY_BYTES);
            default -> new DeviceHolder(directory, options);
        };
    }

    private static DomainOptions domain(String title) {
        TableFormat format = TableFormat.ofTitle(title);
        int entries = 2048 >>> format.granuleShift();
        while (!format.isTableSize(entries)) {
            entries <<= 1;
        }
        return DomainOptions.DEFAULT
                .withFormat(format)
                .withTableEntries(entries)
                .withIotlb(new IotlbGeometry(256, 4, Replacement.FIFO));
    }

    private boolean isBuffer(long frame) {
        long physicalAddress = frame << 12;
        return Arrays.stream(regions)
                .anyMatch(
                        region ->
                                physicalAddress >= region.physicalAddress()
                                        && physicalAddress
                                                < region.physicalAddress() + REGION_BYTES);
    }

    private void step() {
        switch (random.nextInt(12)) {
            case 0, 1, 2 -> mapOne();
            case 3 -> mapMany();
            case 4 -> mapList();
            case 5, 6 -> unmapOne();
            case 7 -> unmapMany();
            case 8 -> unmapList();
            case 9 -> {
                dma.flush();
                model.flushed();
            }
            case 10 -> coherent();
            default -> moveMemory();
        }
    }

    /** A grant of the strategy's, or somebody else's memory, comes or goes. */
    private void moveMemory() {
        if (strategy == Strategy.GRANTED) {
            int region = random.nextInt(REGIONS);
            if (grants[region] == null) {
                grant(region);
            } else {
                revoke(region);
            }
        } else if (lent < 0) {
            lend();
        } else {
            takeBack();
        }
    }

    private void grant(int region) {
        if (strategy == Strategy.GRANTED) {
            DmaDirection direction = someDirection();
            long start = regions[region].physicalAddress();
            grants[region] = dma.grant(start, REGION_BYTES, direction);
            model.grant(start, REGION_BYTES, direction.access());
        }
    }

    private void revoke(int region) {
        long start = regions[region].physicalAddress();
        for (Single single : List.copyOf(singles)) {
            if (single.isWithin(start, REGION_BYTES)) {
                unmap(single);
            }
        }
        if (lists.isEmpty()) {
            grants[region].close();
            grants[region] = null;
            model.flushed();
            model.revoke(start, REGION_BYTES);
        }
    }

    private void lend() {
        // What is copied must be seen here; what is mapped beforehand is what there was.
        if (strategy != Strategy.COPIED && strategy != Strategy.PREALLOCATED) {
            lent = holder.lend();
        }
    }

    /** Half the time while it is mapped, where that is a thing to try. */
    private void takeBack() {
        boolean first = holder.revokes() && random.nextBoolean();
        long gone = lent;
        if (first) {
            holder.takeBack();
            model.takenBack(gone, Holder.LENT_BYTES);
            model.probe(false);
        }
        for (Single single : List.copyOf(singles)) {
            if (single.isWithin(gone, Holder.LENT_BYTES)) {
                singles.remove(single);
                long flushes = dma.statistics().flushes();
                dma.unmap(single.iova, single.lengthBytes);
                if (!first) {
                    told(single, flushes);
                }
            }
        }
        if (!first || random.nextBoolean()) {
            dma.flush();
            model.flushed();
        }
        if (!first) {
            holder.takeBack();
        }
        lent = -1;
    }

    private DmaDirection someDirection() {
        return DmaDirection.values()[random.nextInt(3)];
    }

    /** A buffer, its direction, and where it was mapped. */
    private Single someBuffer(DmaDirection direction) {
        boolean isLent = lent >= 0 && random.nextInt(3) == 0;
        int region = random.nextInt(REGIONS);
        long start = isLent ? lent : regions[region].physicalAddress();
        int length = 8 + random.nextInt(random.nextInt(4) == 0 ? 3 * 4096 : 2000);
        int room = (isLent ? Holder.LENT_BYTES : REGION_BYTES) - length;
        long physical = start + (random.nextInt(room) & -8);
        if (strategy == Strategy.GRANTED
                && (grants[region] == null
                        || (direction.access() & ~grants[region].direction().access()) != 0)) {
            return null;
        }
        boolean isWhole = lent % (4096L << granuleShift()) == 0;
        return isLent && !isWhole ? null : new Single(Dma.NO_IOVA, physical, length, direction);
    }

    private int granuleShift() {
        return holder.domain().options().format().granuleShift();
    }

    private void mapOne() {
        Single buffer = someBuffer(someDirection());
        if (buffer == null) {
            return;
        }
        long tag = tag(buffer.physicalAddress);
        long iova = dma.map(buffer.physicalAddress, buffer.lengthBytes, buffer.direction);
        if (iova != Dma.NO_IOVA) {
            mapped(iova, buffer, tag);
        }
    }

    private void mapped(long iova, Single buffer, long tag) {
        Single single =
                new Single(iova, buffer.physicalAddress, buffer.lengthBytes, buffer.direction);
        singles.add(single);
        model.mapped(iova, buffer.physicalAddress, buffer.lengthBytes, buffer.direction.access());
        if (tag != 0 && buffer.direction != DmaDirection.FROM_DEVICE) {
            holder.settle();
            long reached = holder.reach(iova, Access.READ);
            assertThat(bytes(reached).get(ValueLayout.JAVA_LONG, 0)).isEqualTo(tag);
        }
    }

    /** Marks a buffer, to be known wherever the device finds it; 0 if it is not seen from here. */
    private long tag(long physicalAddress) {
        MemorySegment bytes = bytes(physicalAddress);
        if (bytes == null) {
            return 0;
        }
        bytes.set(ValueLayout.JAVA_LONG, 0, nextTag);
        return nextTag++;
    }

    private MemorySegment bytes(long physicalAddress) {
        PhysicalSegment own = holder.memory().segments().getFirst();
        long offset = physicalAddress - own.physicalAddress();
        return offset < 0 || offset >= own.lengthBytes() ? null : own.memory().asSlice(offset);
    }

    private void mapMany() {
        DmaDirection direction = someDirection();
        List<Single> buffers = new ArrayList<>();
        for (int index = random.nextInt(6); index >= 0; index--) {
            Single buffer = someBuffer(direction);
            if (buffer != null) {
                buffers.add(buffer);
            }
        }
        int count = buffers.size();
        long[] physical = buffers.stream().mapToLong(Single::physicalAddress).toArray();
        int[] lengths = buffers.stream().mapToInt(Single::lengthBytes).toArray();
        long[] iovas = new long[count];
        int mapped = dma.mapAll(physical, lengths, iovas, count, direction);
        for (int index = 0; index < mapped; index++) {
            mapped(iovas[index], buffers.get(index), 0);
        }
    }

    private void mapList() {
        DmaDirection direction = someDirection();
        ScatterGatherList list = new ScatterGatherList(4);
        for (int index = 0; index < 4; index++) {
            Single buffer = someBuffer(direction);
            if (buffer != null && (lent < 0 || !buffer.isWithin(lent, Holder.LENT_BYTES))) {
                list.add(buffer.physicalAddress, buffer.lengthBytes);
            }
        }
        if (list.count() > 0 && dma.map(list, direction)) {
            for (int piece = 0; piece < list.pieces(); piece++) {
                model.mapped(
                        list.pieceIova(piece),
                        list.pieceAddress(piece),
                        list.pieceLength(piece),
                        direction.access());
            }
            lists.add(list);
            listDirections.add(direction);
        }
    }

    private void unmapOne() {
        if (!singles.isEmpty()) {
            unmap(singles.get(random.nextInt(singles.size())));
        }
    }

    private void unmap(Single single) {
        singles.remove(single);
        long flushes = dma.statistics().flushes();
        dma.unmap(single.iova, single.lengthBytes);
        told(single, flushes);
    }

    private void told(Single single, long flushes) {
        model.unmapped(
                single.iova,
                single.physicalAddress,
                single.lengthBytes,
                single.direction.access(),
                flushes);
    }

    private void unmapMany() {
        List<Single> batch = new ArrayList<>();
        for (int index = random.nextInt(6); index > 0 && !singles.isEmpty(); index--) {
            batch.add(singles.remove(random.nextInt(singles.size())));
        }
        long flushes = dma.statistics().flushes();
        dma.unmapAll(
                batch.stream().mapToLong(Single::iova).toArray(),
                batch.stream().mapToInt(Single::lengthBytes).toArray(),
                batch.size());
        batch.forEach(single -> told(single, flushes));
    }

    private void unmapList() {
        if (lists.isEmpty()) {
            return;
        }
        int index = random.nextInt(lists.size());
        ScatterGatherList list = lists.remove(index);
        DmaDirection direction = listDirections.remove(index);
        int pieces = list.pieces();
        long[] iovas = Arrays.copyOf(list.pieceIovas(), pieces);
        long[] physical = IntStream.range(0, pieces).mapToLong(list::pieceAddress).toArray();
        int[] lengths = IntStream.range(0, pieces).map(list::pieceLength).toArray();
        long flushes = dma.statistics().flushes();
        dma.unmap(list);
        for (int piece = 0; piece < pieces; piece++) {
            model.unmapped(
                    iovas[piece], physical[piece], lengths[piece], direction.access(), flushes);
        }
    }

    private void coherent() {
        int length = 4096 * (1 + random.nextInt(3));
        try (CoherentMemory rings = dma.allocateCoherent(length)) {
            holder.settle();
            long physical = holder.reach(rings.iova(), Access.READ_WRITE);
            model.mapped(rings.iova(), physical, length, Access.READ_WRITE);
            model.probe(false);
            rings.close();
            model.forget(rings.iova(), length);
        } catch (OutOfDmaMemoryException full) {
            // Then there is none.
        }
    }

    /** What is left is unmapped, and after a flush nothing of it works. */
    private void end() {
        while (!lists.isEmpty()) {
            unmapList();
        }
        List.copyOf(singles).forEach(this::unmap);
        if (lent >= 0) {
            takeBack();
        }
        for (int region = 0; region < REGIONS; region++) {
            if (grants[region] != null) {
                revoke(region);
            }
        }
        dma.flush();
        model.flushed();
        int reached = model.probe(true);
        boolean isForLife = strategy == Strategy.PREALLOCATED || strategy == Strategy.COPIED;
        if (!isForLife) {
            assertThat(reached).as("pages that work after all was unmapped and flushed").isZero();
        }
        for (DmaMemory region : regions) {
            region.close();
        }
    }
}

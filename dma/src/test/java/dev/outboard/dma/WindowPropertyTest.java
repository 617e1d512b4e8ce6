package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import dev.outboard.iommu.TableFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Invariants 1 and 2 of the design, for each strategy: after every step of a random driver, every
 * IOVA there is is probed by a device with a large IOTLB. Only what is mapped works, and only what
 * its direction allows; beyond that, only what was unmapped within the stated window. No IOVA is
 * reused before a flush that began after its unmap.
 */
final class WindowPropertyTest {
    private static final int STEPS = 600;
    private static final int PAGES = 64;

    @TempDir Path directory;

    private Bench bench;
    private Dma dma;
    private ReachModel model;
    private Random random;
    private DmaMemory memory;
    private final List<Single> singles = new ArrayList<>();
    private final List<ScatterGatherList> lists = new ArrayList<>();

    private record Single(long iova, int lengthBytes) {}

    @ParameterizedTest
    @CsvSource({
        "dart,STRICT,0",
        "calgary,STRICT,0",
        "papr-64k,STRICT,0",
        "vtd,STRICT,0",
        "vhpt,STRICT,0",
        "dart,BATCHED,0",
        "calgary,BATCHED,0",
        "papr-64k,BATCHED,0",
        "vhpt,BATCHED,0",
        "dart,DEFERRED,0",
        "calgary,DEFERRED,0",
        "papr-64k,DEFERRED,0",
        "vtd,DEFERRED,0",
        "dart,DEFERRED,1",
        "dart,DEFERRED,16",
        "calgary,DEFERRED,100",
        "papr-64k,DEFERRED,64",
        "vhpt,DEFERRED,33",
    })
    void shouldReachNothingOutsideTheStatedWindow(String title, Strategy strategy, int entries) {
        long seed = System.nanoTime();
        random = new Random(seed);
        StrategyOptions options = StrategyOptions.of(strategy);
        if (entries > 0) {
            options = options.withQueue(entries, Long.MAX_VALUE);
        }
        try (Bench opened = new Bench(directory, domain(title));
                Dma service = opened.domain.dma(options);
                DmaMemory buffers = service.allocate(PAGES * 4096)) {
            bench = opened;
            bench.domain.onFault(fault -> {});
            dma = service;
            memory = buffers;
            model = new ReachModel(bench, dma, options);
            int stale = 0;
            for (int step = 0; step < STEPS; step++) {
                step();
                stale += model.probe();
                assertThat(dma.statistics().livePages()).isEqualTo(model.livePages());
            }
            assertThat(stale > 0)
                    .as("stale pages were reached, or there is no window")
                    .isEqualTo(options.statedWindowEntries() > 0);
            dma.flush();
            model.flushed(0);
            model.probe();
            lists.forEach(dma::unmap);
        } catch (AssertionError | RuntimeException failure) {
            throw new AssertionError("seed=" + seed + ": " + failure.getMessage(), failure);
        }
    }

    private static DomainOptions domain(String title) {
        TableFormat format = TableFormat.ofTitle(title);
        int entries = 512 >>> format.granuleShift();
        while (!format.isTableSize(entries)) {
            entries <<= 1;
        }
        return DomainOptions.DEFAULT
                .withFormat(format)
                .withTableEntries(entries)
                .withIotlb(new IotlbGeometry(256, 4, Replacement.FIFO));
    }

    private void step() {
        switch (random.nextInt(9)) {
            case 0, 1 -> mapOne();
            case 2, 3 -> unmapOne();
            case 4 -> mapMany();
            case 5 -> unmapMany();
            case 6 -> mapList();
            case 7 -> unmapList();
            default -> {
                if (random.nextInt(10) == 0) {
                    dma.flush();
                    model.flushed(0);
                } else {
                    coherent();
                }
            }
        }
    }

    private long somewhere() {
        return memory.physicalAddress() + random.nextInt((PAGES - 6) * 4096);
    }

    private int someLength() {
        return 1 + random.nextInt(random.nextInt(4) == 0 ? 5 * 4096 : 2048);
    }

    private DmaDirection someDirection() {
        return DmaDirection.values()[random.nextInt(3)];
    }

    private void mapOne() {
        long physical = somewhere();
        int length = someLength();
        DmaDirection direction = someDirection();
        long iova = dma.map(physical, length, direction);
        model.flushed(0);
        if (iova != Dma.NO_IOVA) {
            model.mapped(iova, physical, length, direction);
            singles.add(new Single(iova, length));
        }
    }

    private void unmapOne() {
        if (!singles.isEmpty()) {
            Single single = singles.remove(random.nextInt(singles.size()));
            dma.unmap(single.iova, single.lengthBytes);
            boolean flushed = model.flushed(0);
            model.unmapped(single.iova, single.lengthBytes, !flushed);
        }
    }

    private void mapMany() {
        int count = 1 + random.nextInt(8);
        long[] physical = random.longs(count, 0, 1).map(zero -> somewhere()).toArray();
        int[] lengths = random.ints(count).map(any -> someLength()).toArray();
        long[] iovas = new long[count];
        DmaDirection direction = someDirection();
        int mapped = dma.mapAll(physical, lengths, iovas, count, direction);
        model.flushed(0);
        for (int index = 0; index < mapped; index++) {
            model.mapped(iovas[index], physical[index], lengths[index], direction);
            singles.add(new Single(iovas[index], lengths[index]));
        }
    }

    private void unmapMany() {
        int count = Math.min(singles.size(), random.nextInt(8));
        List<Single> batch = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            batch.add(singles.remove(random.nextInt(singles.size())));
        }
        dma.unmapAll(
                batch.stream().mapToLong(Single::iova).toArray(),
                batch.stream().mapToInt(Single::lengthBytes).toArray(),
                count);
        boolean flushed = model.flushed(0);
        batch.forEach(single -> model.unmapped(single.iova, single.lengthBytes, !flushed));
    }

    private void mapList() {
        ScatterGatherList list = new ScatterGatherList(5);
        long next = somewhere();
        int count = 1 + random.nextInt(5);
        for (int index = 0; index < count; index++) {
            int length = someLength();
            list.add(next, length);
            boolean follows = random.nextBoolean() && next + length < somewhere();
            next = follows ? next + length : somewhere();
        }
        DmaDirection direction = someDirection();
        boolean mapped = dma.map(list, direction);
        model.flushed(0);
        if (mapped) {
            for (int piece = 0; piece < list.pieces(); piece++) {
                model.mapped(
                        list.pieceIova(piece),
                        list.pieceAddress(piece),
                        list.pieceLength(piece),
                        direction);
            }
            for (int index = 0; index < count; index++) {
                assertThat(bench.reaches(list.iova(index), 1, direction.access())).isTrue();
                assertThat(bench.physicalAddress()).isEqualTo(list.physicalAddress(index));
            }
            lists.add(list);
        }
    }

    private void unmapList() {
        if (!lists.isEmpty()) {
            ScatterGatherList list = lists.remove(random.nextInt(lists.size()));
            long[] iovas = Arrays.copyOf(list.pieceIovas(), list.pieces());
            dma.unmap(list);
            boolean flushed = model.flushed(0);
            for (int piece = 0; piece < list.pieces(); piece++) {
                model.unmapped(iovas[piece], list.pieceLength(piece), !flushed);
            }
        }
    }

    private void coherent() {
        try (CoherentMemory rings = dma.allocateCoherent(4096 * (1 + random.nextInt(3)))) {
            model.flushed(0);
            assertThat(bench.reaches(rings.iova(), 8, 3)).isTrue();
            rings.close();
            model.flushed(1);
        } catch (OutOfDmaMemoryException full) {
            model.flushed(0);
        }
    }
}

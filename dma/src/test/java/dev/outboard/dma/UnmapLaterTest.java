package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Batches whose unmapping is begun now and waited for later; one thread plays both sides. */
final class UnmapLaterTest {
    private static final int COUNT = 8;
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);

    @TempDir Path directory;

    private final long[] physical = new long[COUNT];
    private final int[] lengths = new int[COUNT];
    private final long[] iovas = new long[COUNT];

    private void mapAll(Dma dma, DmaMemory memory) {
        for (int index = 0; index < COUNT; index++) {
            physical[index] = memory.physicalAddress() + index * 4096L;
            lengths[index] = 4096;
        }
        assertThat(dma.mapAll(physical, lengths, iovas, COUNT, DmaDirection.BIDIRECTIONAL))
                .isEqualTo(COUNT);
    }

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"OFF", "GRANTED", "PREALLOCATED"},
            mode = EnumSource.Mode.EXCLUDE)
    void shouldBeDoneAtOnceWhileTheDeviceIsQuiet(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            mapAll(dma, memory);
            long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
            assertThat(ticket).isEqualTo(Dma.UNMAPPED);
            assertThat(dma.isUnmapped(ticket)).isTrue();
            dma.awaitUnmapped(ticket);
            assertThat(dma.statistics().liveMappings()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "BATCHED"})
    void shouldNotWaitForADeviceInsideASection(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            mapAll(dma, memory);
            bench.device.enter();
            assertThat(bench.device.resolve(iovas[3], 8, Access.WRITE, bench.window)).isTrue();
            long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
            assertThat(ticket).isNotEqualTo(Dma.UNMAPPED);
            assertThat(dma.isUnmapped(ticket)).isFalse();
            assertThat(bench.device.resolve(iovas[3], 8, Access.WRITE, bench.window))
                    .as("a device inside its section still remembers")
                    .isTrue();
            assertThat(dma.isUnmapped(ticket)).isFalse();
            assertThat(dma.statistics().liveMappings()).isZero();
            bench.device.exit();
            assertThat(dma.isUnmapped(ticket)).isTrue();
            dma.awaitUnmapped(ticket);
            assertThat(bench.reaches(iovas[3], 8, Access.WRITE)).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "BATCHED"})
    void shouldRefuseAWrongBatchWhole(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            mapAll(dma, memory);
            iovas[COUNT - 1] += 4096L * COUNT;
            assertThatThrownBy(() -> dma.unmapAllLater(iovas, lengths, COUNT))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(bench.reaches(iovas[0], 8, Access.WRITE)).isTrue();
            assertThat(dma.statistics().liveMappings()).isEqualTo(COUNT);
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "BATCHED"})
    void shouldEndWithAnotherFlush(Strategy strategy) throws InterruptedException {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            mapAll(dma, memory);
            bench.device.enter();
            long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
            assertThat(dma.isUnmapped(ticket)).isFalse();
            Thread leaving = Thread.ofPlatform().start(bench.device::exit);
            dma.flush();
            leaving.join();
            assertThat(dma.isUnmapped(ticket)).isTrue();
            assertThat(bench.reaches(iovas[0], 8, Access.READ)).isFalse();
        }
    }

    @Test
    void shouldTellOfAStuckDeviceToWhoWaitsAndReuseNothing() {
        try (Bench bench = new Bench(directory, DART.withFlushLimitNanos(20_000_000));
                Dma dma = bench.domain.dma(Strategy.BATCHED);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            mapAll(dma, memory);
            Set<Long> reachable = new HashSet<>();
            for (long iova : iovas) {
                reachable.add(iova);
            }
            bench.device.enter();
            long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
            assertThatThrownBy(() -> dma.awaitUnmapped(ticket))
                    .isInstanceOf(DeviceStuckException.class)
                    .hasMessageContaining("nic0");
            for (int taken = 0; taken < 1022 - COUNT; taken++) {
                long iova = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                assertThat(iova).isNotEqualTo(Dma.NO_IOVA);
                assertThat(reachable).doesNotContain(iova);
            }
            bench.device.exit();
            dma.flush();
            assertThat(dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE))
                    .as("after a flush that succeeded they come back")
                    .isNotEqualTo(Dma.NO_IOVA);
        }
    }

    /** What fails for one unmap says nothing good of another that is under way. */
    @ParameterizedTest
    @CsvSource({"UNMAP", "BATCH", "FLUSH", "COHERENT"})
    void shouldNotTakeABatchForUnmappedAfterAnotherFlushFailed(String what) {
        try (Bench bench = new Bench(directory, DART.withFlushLimitNanos(20_000_000));
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            CoherentMemory coherent = dma.allocateCoherent(4096);
            long other = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            mapAll(dma, memory);
            bench.device.enter();
            assertThat(bench.device.resolve(iovas[0], 8, Access.WRITE, bench.window)).isTrue();
            long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
            assertThatThrownBy(
                            () -> {
                                switch (what) {
                                    case "UNMAP" -> dma.unmap(other, 4096);
                                    case "BATCH" ->
                                            dma.unmapAll(new long[] {other}, new int[] {4096}, 1);
                                    case "FLUSH" -> dma.flush();
                                    default -> coherent.close();
                                }
                            })
                    .isInstanceOf(DeviceStuckException.class);
            assertThat(bench.device.resolve(iovas[0], 8, Access.WRITE, bench.window))
                    .as("it is still reached")
                    .isTrue();
            assertThat(dma.isUnmapped(ticket)).isFalse();
            assertThatThrownBy(() -> dma.awaitUnmapped(ticket))
                    .isInstanceOf(DeviceStuckException.class);
            assertThat(dma.isUnmapped(ticket)).isFalse();
            bench.device.exit();
            dma.awaitUnmapped(ticket);
            assertThat(dma.isUnmapped(ticket)).isTrue();
            assertThat(bench.reaches(iovas[0], 8, Access.WRITE)).isFalse();
            coherent.close();
        }
    }

    @Test
    void shouldWaitWhenThereIsNoOtherRoom() throws InterruptedException {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.BATCHED);
                DmaMemory memory = dma.allocate(1022 * 4096)) {
            mapAll(dma, memory);
            for (int index = COUNT; index < 1022; index++) {
                assertThat(
                                dma.map(
                                        memory.physicalAddress() + index * 4096L,
                                        4096,
                                        DmaDirection.TO_DEVICE))
                        .isNotEqualTo(Dma.NO_IOVA);
            }
            bench.device.enter();
            long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
            Thread leaving = Thread.ofPlatform().start(bench.device::exit);
            assertThat(dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE))
                    .isNotEqualTo(Dma.NO_IOVA);
            leaving.join();
            assertThat(dma.isUnmapped(ticket)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "BATCHED"})
    void shouldNeverReuseAnIovaThatADeviceMayStillReach(Strategy strategy) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        record Batch(long ticket, long[] iovas) {}
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(COUNT * 4096)) {
            Queue<Batch> underWay = new ArrayDeque<>();
            Set<Long> notYet = new HashSet<>();
            boolean inside = false;
            for (int step = 0; step < 20_000; step++) {
                if (random.nextInt(4) == 0) {
                    if (inside) {
                        bench.device.exit();
                    } else {
                        bench.device.enter();
                    }
                    inside = !inside;
                }
                // The window has room for all that may be under way at once.
                if (underWay.size() < 60) {
                    mapAll(dma, memory);
                    for (long iova : iovas) {
                        assertThat(notYet).as("seed=%d step=%d", seed, step).doesNotContain(iova);
                    }
                    long ticket = dma.unmapAllLater(iovas, lengths, COUNT);
                    if (ticket != Dma.UNMAPPED) {
                        assertThat(inside).as("seed=%d step=%d", seed, step).isTrue();
                        underWay.add(new Batch(ticket, iovas.clone()));
                        for (long iova : iovas) {
                            notYet.add(iova);
                        }
                    }
                }
                while (!underWay.isEmpty() && dma.isUnmapped(underWay.peek().ticket)) {
                    for (long iova : underWay.remove().iovas) {
                        notYet.remove(iova);
                    }
                }
                if (!inside) {
                    assertThat(underWay).as("seed=%d step=%d", seed, step).isEmpty();
                }
            }
            if (inside) {
                bench.device.exit();
            }
        }
    }
}

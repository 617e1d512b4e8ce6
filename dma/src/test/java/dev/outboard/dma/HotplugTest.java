package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.TableFormat;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory that comes and goes while a device, in a section of its own thread, uses it. */
final class HotplugTest {
    private static final long MEBIBYTE = 1 << 20;
    private static final DomainOptions OPTIONS = DomainOptions.DEFAULT.withTableEntries(16384);

    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldLetTheDeviceReachWhatWasPluggedAndNothingOfItAfterwards(Strategy strategy) {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(strategy);
                Follower device = new Follower(bench)) {
            PhysicalSegment segment = bench.memory.plug(4 * MEBIBYTE, PageKind.BASE);
            assertThat(segment.physicalAddress() % (2 * MEBIBYTE)).isZero();
            assertThat(bench.memory.segments()).hasSize(3).contains(segment);
            long iova;
            try (DmaMemory buffer = buffer(bench, dma, segment)) {
                buffer.memory().set(ValueLayout.JAVA_LONG, 0, 42);
                iova = dma.map(buffer.physicalAddress(), 8192, DmaDirection.BIDIRECTIONAL);
                assertThat(device.read(iova)).isEqualTo(42);
                assertThatThrownBy(() -> unplug(bench.memory, segment, Unplug.REFUSE))
                        .isInstanceOf(MemoryInUseException.class)
                        .hasMessageContaining("4 MiB is in use: 1 mapping")
                        .hasMessageContaining("of nic0: iova=0x%x of 8192 bytes".formatted(iova))
                        .hasMessageContaining("1 allocated buffer")
                        .hasMessageContaining("--force");
                assertThat(device.read(iova)).as("it is as it was").isEqualTo(42);
                dma.unmap(iova, 8192);
            }
            unplug(bench.memory, segment, Unplug.REFUSE);
            assertThat(bench.memory.segments()).hasSize(2).doesNotContain(segment);
            // What a device reaches of copied buffers is a shadow of the driver's own.
            assertThat(device.reaches(iova, Access.READ)).isEqualTo(strategy == Strategy.COPIED);
            assertThat(bench.memory.contains(segment.physicalAddress(), 1)).isFalse();
            assertThat(bench.memory.report().allocatedFrames()).isEqualTo(usedByShadows(bench));
        }
    }

    private static long usedByShadows(Bench bench) {
        return (bench.memory.lengthBytes() - bench.memory.freeBytes()) >>> 12;
    }

    /** Of that segment; a strategy that grants what it allocates is asked for the grant, too. */
    private static DmaMemory buffer(Bench bench, Dma dma, PhysicalSegment segment) {
        DmaMemory buffer = bench.memory.allocate(8192, segment);
        if (dma.strategy() == Strategy.GRANTED) {
            Grant grant = dma.grant(buffer.physicalAddress(), 8192, DmaDirection.BIDIRECTIONAL);
            GRANTS.add(grant);
        }
        return buffer;
    }

    private static final List<Grant> GRANTS = new ArrayList<>();

    private static void unplug(PhysicalMemory memory, PhysicalSegment segment, Unplug how) {
        GRANTS.removeIf(
                grant -> {
                    try {
                        grant.close();
                        return true;
                    } catch (IllegalStateException mapped) {
                        return false;
                    }
                });
        memory.unplug(segment.physicalAddress(), segment.lengthBytes(), how);
    }

    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldRevokeByForceAndAcceptTheUnmapOnce(Strategy strategy) {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(strategy);
                Follower device = new Follower(bench)) {
            DmaMemory kept = dma.allocate(4096);
            long keptIova = dma.map(kept.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            PhysicalSegment segment = bench.memory.plug(4 * MEBIBYTE, PageKind.BASE);
            DmaMemory buffer = buffer(bench, dma, segment);
            MemorySegment bytes = buffer.memory();
            long iova = dma.map(buffer.physicalAddress(), 8192, DmaDirection.BIDIRECTIONAL);
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(buffer.physicalAddress(), 4096);
            list.add(buffer.physicalAddress() + 4096, 100);
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            assertThat(device.reaches(iova, Access.READ)).isTrue();
            bench.memory.unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.FORCE);
            if (strategy != Strategy.COPIED) {
                assertThat(device.reaches(iova, Access.READ)).isFalse();
            }
            assertThat(device.reaches(keptIova, Access.WRITE)).isTrue();
            assertThatThrownBy(buffer::memory).hasMessageContaining("unplugged by force");
            assertThatThrownBy(() -> bytes.get(ValueLayout.JAVA_BYTE, 0))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(
                            () ->
                                    dma.map(
                                            buffer.physicalAddress(),
                                            4096,
                                            DmaDirection.BIDIRECTIONAL))
                    .isInstanceOf(IllegalArgumentException.class);
            dma.unmap(iova, 8192);
            assertThatThrownBy(() -> dma.unmap(iova, 8192)).hasMessageContaining("not mapped");
            dma.unmap(list);
            buffer.close();
            buffer.close();
            dma.unmap(keptIova, 4096);
            assertThat(dma.statistics().liveMappings()).isZero();
            assertThat(dma.statistics().livePages()).isZero();
            kept.close();
        }
        GRANTS.clear();
    }

    @Test
    void shouldTakeTheMiddleOfASegmentAndLeaveBothSides() {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                Follower device = new Follower(bench)) {
            PhysicalSegment segment = bench.memory.plug(8 * MEBIBYTE, PageKind.BASE);
            long start = segment.physicalAddress();
            bench.memory.unplug(start + 2 * MEBIBYTE, MEBIBYTE, Unplug.REFUSE);
            assertThat(bench.memory.contains(start, 2 * MEBIBYTE)).isTrue();
            assertThat(bench.memory.contains(start + 2 * MEBIBYTE, 1)).isFalse();
            assertThat(bench.memory.contains(start + 3 * MEBIBYTE - 1, 2)).isFalse();
            assertThat(bench.memory.contains(start + 3 * MEBIBYTE, 5 * MEBIBYTE)).isTrue();
            assertThat(bench.memory.contains(start, 8 * MEBIBYTE)).isFalse();
            MemoryReport.Segment report = bench.memory.report().segments().getLast();
            assertThat(report.pieces()).isEqualTo(2);
            assertThat(report.presentFrames()).isEqualTo(7 * 256);
            assertThatThrownBy(
                            () -> bench.memory.unplug(start + MEBIBYTE, 2 * MEBIBYTE, Unplug.FORCE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("one contiguous piece");
            // What is left is used as before, and never what has gone.
            List<DmaMemory> all = new ArrayList<>();
            for (int page = 0; page < 7 * 256; page++) {
                DmaMemory buffer = bench.memory.allocate(4096, segment);
                long offset = buffer.physicalAddress() - start;
                assertThat(offset < 2 * MEBIBYTE || offset >= 3 * MEBIBYTE).isTrue();
                all.add(buffer);
            }
            assertThatThrownBy(() -> bench.memory.allocate(4096, segment))
                    .isInstanceOf(OutOfDmaMemoryException.class);
            long iova = dma.map(all.getLast().physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            assertThat(device.reaches(iova, Access.READ)).isTrue();
            dma.unmap(iova, 4096);
            all.forEach(DmaMemory::close);
            bench.memory.unplug(start, 2 * MEBIBYTE, Unplug.REFUSE);
            assertThat(bench.memory.segments()).contains(segment);
            bench.memory.unplug(start + 3 * MEBIBYTE, 5 * MEBIBYTE, Unplug.REFUSE);
            assertThat(bench.memory.segments()).doesNotContain(segment);
        }
    }

    @Test
    void shouldThrowFromTheBytesOfABufferWhosePartOfASegmentWasForcedAway() {
        try (PhysicalMemory memory = PhysicalMemory.create(4 * MEBIBYTE)) {
            DmaMemory buffer = memory.allocate(8192);
            MemorySegment bytes = buffer.memory();
            bytes.fill((byte) 7);
            memory.unplug(buffer.physicalAddress(), 4096, Unplug.FORCE);
            assertThatThrownBy(buffer::memory).hasMessageContaining("unplugged by force");
            assertThat(buffer.isTaken()).isTrue();
            assertThatThrownBy(() -> readAll(bytes)).isInstanceOf(InternalError.class);
            long left = memory.freeBytes();
            buffer.close();
            assertThat(memory.freeBytes()).as("its other page is there").isEqualTo(left + 4096);
            assertThat(memory.contains(buffer.physicalAddress(), 1)).isFalse();
        }
    }

    private static long readAll(MemorySegment bytes) {
        long sum = 0;
        for (long at = 0; at < bytes.byteSize(); at += 8) {
            sum += bytes.get(ValueLayout.JAVA_LONG, at);
        }
        return sum;
    }

    @Test
    void shouldRefuseWhatCannotBeUnplugged() {
        try (PhysicalMemory memory = PhysicalMemory.create(4 * MEBIBYTE)) {
            long start = PhysicalMemory.FIRST_ADDRESS;
            assertThatThrownBy(() -> memory.unplug(start, 4 * MEBIBYTE, Unplug.FORCE))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("all the memory there is");
            long[][] wrong = {
                {start + 1, 4096},
                {start, 4095},
                {start, 0},
                {start, -4096},
                {start - 4096, 8192},
                {start, 5 * MEBIBYTE},
                {-4096, 8192},
                {Long.MAX_VALUE - 4095, 4096},
                {0, 4096},
            };
            for (long[] range : wrong) {
                assertThatThrownBy(() -> memory.unplug(range[0], range[1], Unplug.FORCE))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("not whole pages of one");
            }
            assertThat(memory.freeBytes()).isEqualTo(4 * MEBIBYTE);
            assertThatThrownBy(() -> memory.plug(0, PageKind.BASE))
                    .hasMessageContaining("lengthBytes=0");
            assertThatThrownBy(() -> memory.plug(PhysicalMemory.MAX_LENGTH_BYTES, PageKind.BASE))
                    .hasMessageContaining("no room");
        }
    }

    @Test
    void shouldUndoAPlugThatAListenerRefuses() {
        List<String> told = new ArrayList<>();
        try (PhysicalMemory memory = PhysicalMemory.create(MEBIBYTE)) {
            int descriptors = Descriptor.openCount();
            memory.addListener(new Telling("first", told, false));
            MemoryListener second = new Telling("second", told, true);
            memory.addListener(second);
            assertThatThrownBy(() -> memory.plug(MEBIBYTE, PageKind.BASE))
                    .hasMessage("second takes no more");
            assertThat(told)
                    .containsExactly(
                            "first coming",
                            "second coming",
                            "first going",
                            "first went",
                            "second went");
            assertThat(memory.segments()).hasSize(1);
            assertThat(memory.lengthBytes()).isEqualTo(MEBIBYTE);
            assertThat(Descriptor.openCount()).isEqualTo(descriptors);
            memory.removeListener(second);
            PhysicalSegment segment = memory.plug(MEBIBYTE, PageKind.BASE);
            memory.addListener(second);
            told.clear();
            assertThatThrownBy(
                            () -> memory.unplug(segment.physicalAddress(), MEBIBYTE, Unplug.REFUSE))
                    .hasMessage("second keeps it");
            assertThat(told)
                    .containsExactly(
                            "first drain",
                            "second drain",
                            "first going",
                            "second going",
                            "second coming",
                            "first coming",
                            "first came");
            assertThat(memory.contains(segment.physicalAddress(), MEBIBYTE)).isTrue();
            memory.allocate(MEBIBYTE, segment).close();
        }
    }

    private record Telling(String name, List<String> told, boolean refuses)
            implements MemoryListener {
        @Override
        public void coming(PhysicalSegment segment) {
            told.add(name + " coming");
            if (refuses) {
                throw new IllegalStateException(name + " takes no more");
            }
        }

        @Override
        public void came(PhysicalSegment segment) {
            told.add(name + " came");
        }

        @Override
        public void drain(long physicalAddress, long lengthBytes) {
            told.add(name + " drain");
        }

        @Override
        public void going(PhysicalSegment segment) {
            told.add(name + " going");
            if (refuses) {
                throw new IllegalStateException(name + " keeps it");
            }
        }

        @Override
        public void went(PhysicalSegment segment) {
            told.add(name + " went");
        }
    }

    @Test
    void shouldRefuseAPartWhereSomebodyHasAllOrNothing() {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(Strategy.PREALLOCATED);
                Follower device = new Follower(bench)) {
            PhysicalSegment segment = bench.memory.plug(4 * MEBIBYTE, PageKind.BASE);
            assertThatThrownBy(
                            () ->
                                    bench.memory.unplug(
                                            segment.physicalAddress(), MEBIBYTE, Unplug.FORCE))
                    .hasMessageContaining("preallocated of nic0 has mapped the whole");
            try (DmaMemory buffer = bench.memory.allocate(4096, segment)) {
                long iova = dma.map(buffer.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                assertThat(device.reaches(iova, Access.READ)).isTrue();
                dma.unmap(iova, 4096);
            }
            unplug(bench.memory, segment, Unplug.REFUSE);
        }
    }

    @Test
    void shouldRefuseToPlugWhatAStrategyThatMapsAllHasNoRoomFor() {
        DomainOptions small =
                DomainOptions.DEFAULT
                        .withFormat(TableFormat.ofTitle("dart"))
                        .withTableEntries(2048);
        try (Bench bench = new Bench(directory, small);
                Dma dma = bench.domain.dma(Strategy.PREALLOCATED);
                Follower device = new Follower(bench)) {
            assertThatThrownBy(() -> bench.memory.plug(8 * MEBIBYTE, PageKind.BASE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("--table-entries");
            assertThat(bench.memory.segments()).hasSize(2);
            bench.memory.plug(MEBIBYTE, PageKind.BASE);
            assertThat(dma.statistics().staleEntries()).isEqualTo(1536);
            assertThat(device).isNotNull();
        }
    }

    /** A driver that maps what it has all the time notices nothing of memory beside it. */
    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldDisturbNoMappingOfOtherMemory(Strategy strategy) throws InterruptedException {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory buffer = dma.allocate(8 * 4096);
                Follower device = new Follower(bench)) {
            AtomicBoolean stop = new AtomicBoolean();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            CountDownLatch begun = new CountDownLatch(1);
            Thread driver =
                    Thread.ofPlatform().start(() -> drive(dma, buffer, stop, failure, begun));
            assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
            for (int round = 0; round < 30; round++) {
                PhysicalSegment segment = bench.memory.plug(2 * MEBIBYTE, PageKind.BASE);
                Unplug how = round % 2 == 0 ? Unplug.REFUSE : Unplug.FORCE;
                assertThatCode(
                                () ->
                                        bench.memory.unplug(
                                                segment.physicalAddress(),
                                                segment.lengthBytes(),
                                                how))
                        .doesNotThrowAnyException();
            }
            stop.set(true);
            driver.join();
            assertThat(failure.get()).isNull();
            assertThat(bench.memory.segments()).hasSize(2);
            assertThat(device).isNotNull();
        }
    }

    private static void drive(
            Dma dma,
            DmaMemory buffer,
            AtomicBoolean stop,
            AtomicReference<Throwable> failure,
            CountDownLatch begun) {
        try {
            while (!stop.get()) {
                for (int page = 0; page < 8; page++) {
                    long address = buffer.physicalAddress() + page * 4096L;
                    long iova = dma.map(address, 100, DmaDirection.FROM_DEVICE);
                    assertThat(iova).isNotEqualTo(Dma.NO_IOVA);
                    dma.unmap(iova, 100);
                }
                begun.countDown();
            }
        } catch (RuntimeException | AssertionError wrong) {
            failure.set(wrong);
        }
    }

    @Test
    void shouldReuseAddressesOnlyWhenNobodyRemembersThem() {
        try (PhysicalMemory memory = PhysicalMemory.create(MEBIBYTE)) {
            PhysicalSegment first = memory.plug(20L << 30, PageKind.BASE);
            long start = first.physicalAddress();
            DmaMemory remembers = memory.allocate(4096, first);
            memory.unplug(start, first.lengthBytes(), Unplug.FORCE);
            PhysicalSegment second = memory.plug(20L << 30, PageKind.BASE);
            assertThat(second.physicalAddress()).isGreaterThan(start + first.lengthBytes());
            memory.unplug(second.physicalAddress(), second.lengthBytes(), Unplug.REFUSE);
            assertThat(memory.plug(20L << 30, PageKind.BASE).physicalAddress())
                    .as("the first's are remembered")
                    .isNotEqualTo(start)
                    .satisfies(address -> memory.unplug(address, 20L << 30, Unplug.REFUSE));
            remembers.close();
            List<Long> seen = new ArrayList<>();
            for (int round = 0; round < 3; round++) {
                PhysicalSegment next = memory.plug(20L << 30, PageKind.BASE);
                seen.add(next.physicalAddress());
                memory.unplug(next.physicalAddress(), next.lengthBytes(), Unplug.REFUSE);
            }
            assertThat(seen).contains(start);
        }
    }
}

package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class DmaDebugTest {
    private static final int LENGTH = 1500;

    @TempDir private Path directory;

    /** A service of a strategy, watched. */
    private final class Watched implements AutoCloseable {
        final Bench bench = new Bench(directory, DomainOptions.DEFAULT.withTableEntries(8192));
        final DmaDebug debug = new DmaDebug(bench.memory, 40);
        final Dma dma;
        final DmaMemory buffer;

        Watched(Strategy strategy) {
            bench.domain.onFault(debug::fault);
            dma =
                    debug.watch(
                            strategy == Strategy.OFF
                                    ? Dma.off(bench.memory)
                                    : bench.domain.dma(strategy));
            buffer = dma.allocate(16384);
        }

        long map(long offset, int length, DmaDirection direction) {
            return dma.map(buffer.physicalAddress() + offset, length, direction);
        }

        void assertFound(Map<DmaMistake, Long> expected) {
            assertThat(debug.counts()).isEqualTo(expected);
            assertThat(debug.findings())
                    .isEqualTo(expected.values().stream().mapToLong(Long::longValue).sum());
            assertThat(debug.lines()).allSatisfy(line -> assertThat(line).contains("DmaDebugTest"));
        }

        @Override
        public void close() {
            dma.close();
            debug.close();
            bench.close();
        }
    }

    @ParameterizedTest
    @EnumSource(names = "GRANTED", mode = EnumSource.Mode.EXCLUDE)
    void shouldFindNothingInCorrectUse(Strategy strategy) {
        try (Watched watched = new Watched(strategy)) {
            Dma dma = watched.dma;
            long first = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            long same = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            long in = watched.map(2048, LENGTH, DmaDirection.FROM_DEVICE);
            watched.buffer.memory().set(ValueLayout.JAVA_BYTE, 7, (byte) 1);
            dma.syncForDevice(first + 7, 1);
            dma.syncForDevice(same, LENGTH);
            dma.syncForCpu(in, 100);
            dma.unmap(first, LENGTH);
            dma.unmap(same, LENGTH);
            dma.unmap(in, LENGTH);
            ScatterGatherList list = new ScatterGatherList(3);
            list.add(watched.buffer.physicalAddress(), 4096);
            list.add(watched.buffer.physicalAddress() + 8192, 100);
            assertThat(dma.map(list, DmaDirection.BIDIRECTIONAL)).isTrue();
            dma.unmap(list);
            long[] physical = {watched.buffer.physicalAddress(), watched.buffer.physicalAddress()};
            long[] iovas = new long[2];
            int[] lengths = {10, 20};
            assertThat(dma.mapAll(physical, lengths, iovas, 2, DmaDirection.TO_DEVICE))
                    .isEqualTo(2);
            dma.unmapAll(iovas, lengths, 2);
            CoherentMemory coherent = dma.allocateCoherent(100);
            coherent.close();
            dma.flush();
            watched.buffer.close();
            dma.close();
            watched.debug.close();
            assertThat(watched.debug.lines()).isEmpty();
            assertThat(watched.debug.findings()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = "GRANTED", mode = EnumSource.Mode.EXCLUDE)
    void shouldNameWhatIsLeftMapped(Strategy strategy) {
        try (Watched watched = new Watched(strategy)) {
            watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            ScatterGatherList list = new ScatterGatherList(1);
            list.add(watched.buffer.physicalAddress() + 8192, 4096);
            watched.dma.map(list, DmaDirection.FROM_DEVICE);
            watched.dma.close();
            watched.assertFound(Map.of(DmaMistake.LEFT_MAPPED, 2L));
            assertThat(watched.debug.lines())
                    .anySatisfy(
                            line ->
                                    assertThat(line)
                                            .contains("direction=TO_DEVICE")
                                            .contains("lengthBytes=1500")
                                            .contains("shouldNameWhatIsLeftMapped"));
        }
    }

    @ParameterizedTest
    @EnumSource(names = "GRANTED", mode = EnumSource.Mode.EXCLUDE)
    void shouldNameAWrongUnmapAndRefuseIt(Strategy strategy) {
        try (Watched watched = new Watched(strategy)) {
            Dma dma = watched.dma;
            long iova = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            dma.unmap(iova, LENGTH);
            assertThatThrownBy(() -> dma.unmap(iova, LENGTH)).hasMessageContaining("not mapped");
            watched.assertFound(Map.of(DmaMistake.UNMAPPED_TWICE, 1L));
            assertThatThrownBy(() -> dma.unmap(iova + (64 << 12), LENGTH))
                    .hasMessageContaining("not mapped");
            watched.assertFound(
                    Map.of(DmaMistake.UNMAPPED_TWICE, 1L, DmaMistake.UNMAPPED_UNKNOWN, 1L));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"OFF", "STRICT", "DEFERRED", "BATCHED"})
    void shouldNameAWrongLength(Strategy strategy) {
        try (Watched watched = new Watched(strategy)) {
            long iova = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            // The same page: no strategy notices.
            watched.dma.unmap(iova, LENGTH - 1);
            watched.assertFound(Map.of(DmaMistake.WRONG_LENGTH, 1L));
        }
    }

    @Test
    void shouldNameWhatIsNamedTwiceInABatchAndChangeNothing() {
        try (Watched watched = new Watched(Strategy.OFF)) {
            long iova = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            long[] iovas = {iova, iova};
            int[] lengths = {LENGTH, LENGTH};
            assertThatThrownBy(() -> watched.dma.unmapAll(iovas, lengths, 2))
                    .isInstanceOf(IllegalArgumentException.class);
            watched.assertFound(Map.of(DmaMistake.UNMAPPED_TWICE, 1L));
            watched.dma.unmap(iova, LENGTH);
            watched.assertFound(Map.of(DmaMistake.UNMAPPED_TWICE, 1L));
            assertThat(watched.dma.statistics().liveMappings()).isZero();
        }
    }

    @Test
    void shouldNameABufferOfAListThatIsUnmappedAlone() {
        try (Watched watched = new Watched(Strategy.STRICT)) {
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(watched.buffer.physicalAddress(), 4096);
            list.add(watched.buffer.physicalAddress() + 8192, 4096);
            watched.dma.map(list, DmaDirection.TO_DEVICE);
            assertThatThrownBy(() -> watched.dma.unmap(list.iova(0), 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            watched.assertFound(Map.of(DmaMistake.WRONG_LIST, 1L));
            watched.dma.unmap(list);
            assertThatThrownBy(() -> watched.dma.unmap(list))
                    .isInstanceOf(IllegalArgumentException.class);
            watched.assertFound(Map.of(DmaMistake.WRONG_LIST, 2L));
        }
    }

    @ParameterizedTest
    @EnumSource(names = "GRANTED", mode = EnumSource.Mode.EXCLUDE)
    void shouldNameAForgottenSync(Strategy strategy) {
        try (Watched watched = new Watched(strategy)) {
            Dma dma = watched.dma;
            long out = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            long in = watched.map(4096, LENGTH, DmaDirection.FROM_DEVICE);
            watched.buffer.memory().set(ValueLayout.JAVA_BYTE, 7, (byte) 1);
            watched.buffer.memory().set(ValueLayout.JAVA_BYTE, 4096, (byte) 1);
            // Another part than what was changed.
            dma.syncForDevice(out + 8, 100);
            dma.unmap(out, LENGTH);
            dma.unmap(in, LENGTH);
            watched.assertFound(Map.of(DmaMistake.SYNC_FORGOTTEN, 1L));
            assertThat(watched.debug.lines().getFirst()).contains("byte 7 of");
        }
    }

    @Test
    void shouldNameASyncOfWhatIsNotMapped() {
        try (Watched watched = new Watched(Strategy.STRICT)) {
            long iova = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            watched.dma.syncForDevice(iova + 1, LENGTH);
            watched.dma.unmap(iova, LENGTH);
            watched.dma.syncForCpu(iova, 1);
            watched.assertFound(Map.of(DmaMistake.SYNC_UNKNOWN, 2L));
        }
    }

    @Test
    void shouldNameContradictingDirectionsOfTheSameBytes() {
        try (Watched watched = new Watched(Strategy.STRICT)) {
            long out = watched.map(100, 100, DmaDirection.TO_DEVICE);
            long beside = watched.map(200, 100, DmaDirection.FROM_DEVICE);
            watched.assertFound(Map.of());
            long over = watched.map(199, 100, DmaDirection.FROM_DEVICE);
            watched.assertFound(Map.of(DmaMistake.DIRECTIONS_CONTRADICT, 1L));
            watched.dma.unmap(out, 100);
            watched.dma.unmap(beside, 100);
            watched.dma.unmap(over, 100);
        }
    }

    @Test
    void shouldNameMoreLiveMappingsThanExpectedOnce() {
        try (Watched watched = new Watched(Strategy.DEFERRED)) {
            long[] iovas = new long[45];
            for (int index = 0; index < iovas.length; index++) {
                iovas[index] = watched.map(index * 64L, 64, DmaDirection.TO_DEVICE);
            }
            watched.assertFound(Map.of(DmaMistake.TOO_MANY, 1L));
            for (long iova : iovas) {
                watched.dma.unmap(iova, 64);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = "GRANTED", mode = EnumSource.Mode.EXCLUDE)
    void shouldNameMemoryThatIsClosedWhileMapped(Strategy strategy) {
        try (Watched watched = new Watched(strategy)) {
            long iova = watched.map(0, LENGTH, DmaDirection.FROM_DEVICE);
            watched.buffer.close();
            watched.assertFound(Map.of(DmaMistake.CLOSED_WHILE_MAPPED, 1L));
            watched.dma.unmap(iova, LENGTH);
        }
    }

    /** Deferred: the stale IOVA still works, and the device writes what is given back already. */
    @Test
    void shouldNameADeviceThatWritesWhatWasGivenBack() {
        try (Watched watched = new Watched(Strategy.DEFERRED)) {
            long iova = watched.map(0, LENGTH, DmaDirection.FROM_DEVICE);
            assertThat(watched.bench.reaches(iova, LENGTH, Access.WRITE)).isTrue();
            watched.dma.unmap(iova, LENGTH);
            watched.buffer.close();
            assertThat(watched.bench.reaches(iova, LENGTH, Access.WRITE)).isTrue();
            DmaWindow window = watched.bench.window;
            window.memory().set(ValueLayout.JAVA_BYTE, window.offset() + 3, (byte) 1);
            watched.dma.close();
            watched.debug.close();
            watched.assertFound(Map.of(DmaMistake.CHANGED_AFTER_CLOSE, 1L));
            assertThat(watched.debug.lines().getFirst()).contains("last was iova=");
        }
    }

    @Test
    void shouldNameTheMappingThatAStoppedDeviceWasAfter() {
        try (Watched watched = new Watched(Strategy.STRICT)) {
            Bench bench = watched.bench;
            long iova = watched.map(0, LENGTH, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova, 1, Access.WRITE)).isFalse();
            awaitFindings(watched.debug, 1);
            watched.assertFound(Map.of(DmaMistake.DEVICE_AGAINST_DIRECTION, 1L));
            watched.dma.unmap(iova, LENGTH);
            assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
            awaitFindings(watched.debug, 2);
            watched.assertFound(
                    Map.of(
                            DmaMistake.DEVICE_AGAINST_DIRECTION,
                            1L,
                            DmaMistake.DEVICE_AFTER_UNMAP,
                            1L));
            assertThat(bench.reaches(iova + (100 << 12), 1, Access.READ)).isFalse();
            awaitFindings(watched.debug, 3);
            assertThat(watched.debug.counts()).containsEntry(DmaMistake.DEVICE_ASTRAY, 1L);
        }
    }

    private static void awaitFindings(DmaDebug debug, long count) {
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (debug.findings() < count && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldTellABoundedNumberOfLines() {
        try (Watched watched = new Watched(Strategy.STRICT)) {
            for (int index = 0; index < 1000; index++) {
                long iova = index;
                assertThatThrownBy(() -> watched.dma.unmap(iova << 12, 1))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(watched.debug.findings()).isEqualTo(1000);
            assertThat(watched.debug.lines()).hasSizeBetween(1, 64);
        }
    }

    @Test
    void shouldGiveBackWhatItKept() {
        try (Watched watched = new Watched(Strategy.STRICT)) {
            long free = watched.bench.memory.freeBytes() + watched.buffer.lengthBytes();
            watched.buffer.close();
            // All of it, though some is kept under watch: it lets go rather than refuse.
            DmaMemory most = watched.dma.allocate(4 << 20);
            most.close();
            watched.debug.close();
            assertThat(watched.bench.memory.freeBytes()).isEqualTo(free);
            assertThat(watched.bench.memory.heldBytes()).isZero();
        }
    }
}

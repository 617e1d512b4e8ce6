package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** No device reaches the driver's memory, and the data is right all the same. */
final class CopiedDmaTest {
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);
    private static final byte SECRET = 0x5a;

    @TempDir Path directory;

    private static byte[] read(MemorySegment memory, long offset, int length) {
        return memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }

    /** What the device reads, page by page. */
    private static byte[] deviceReads(Bench bench, long iova, int length) {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            assertThat(bench.reaches(iova + done, length - done, Access.READ)).isTrue();
            int part = (int) bench.window.lengthBytes;
            MemorySegment.copy(
                    bench.window.memory,
                    ValueLayout.JAVA_BYTE,
                    bench.window.offset,
                    bytes,
                    done,
                    part);
            done += part;
        }
        return bytes;
    }

    private static void deviceWrites(Bench bench, long iova, byte[] bytes) {
        for (int done = 0; done < bytes.length; ) {
            assertThat(bench.reaches(iova + done, bytes.length - done, Access.WRITE)).isTrue();
            int part = (int) bench.window.lengthBytes;
            MemorySegment.copy(
                    bytes,
                    done,
                    bench.window.memory,
                    ValueLayout.JAVA_BYTE,
                    bench.window.offset,
                    part);
            done += part;
        }
    }

    @Test
    void shouldShowTheDeviceACopy() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(8192)) {
            memory.memory().fill(SECRET);
            memory.memory().setString(4000, "to the device");
            long iova = dma.map(memory.physicalAddress() + 4000, 14, DmaDirection.TO_DEVICE);
            assertThat(deviceReads(bench, iova, 14)).isEqualTo(read(memory.memory(), 4000, 14));
            assertThat(bench.reaches(iova, 14, Access.WRITE)).isFalse();
            byte[] page = deviceReads(bench, iova & ~4095, 4096);
            assertThat(page).as("nothing but what was mapped").doesNotContain(SECRET);
            memory.memory().setString(4000, "changed");
            assertThat(deviceReads(bench, iova, 2)).isEqualTo(new byte[] {'t', 'o'});
            dma.syncForDevice(iova + 1, 3);
            assertThat(deviceReads(bench, iova, 5)).isEqualTo("thanh".getBytes());
            dma.syncForCpu(iova, 14);
            assertThat(memory.memory().getString(4000)).as("not the device's").isEqualTo("changed");
            dma.unmap(iova, 14);
            assertThat(memory.memory().getString(4000)).isEqualTo("changed");
            assertThat(dma.statistics().windowEntries()).isZero();
            assertThat(dma.statistics().windowNanos()).isZero();
            assertThat(dma.statistics().staleEntries()).isZero();
            assertThat(dma.statistics().flushes()).isZero();
        }
    }

    @Test
    void shouldKeepWhatTheDeviceDoesAfterTheUnmapFromTheDriver() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(8192)) {
            memory.memory().fill(SECRET);
            for (DmaDirection direction :
                    List.of(DmaDirection.FROM_DEVICE, DmaDirection.BIDIRECTIONAL)) {
                long iova = dma.map(memory.physicalAddress() + 100, 1000, direction);
                deviceWrites(bench, iova + 10, new byte[] {1, 2, 3});
                assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, 110)).isEqualTo(SECRET);
                dma.syncForCpu(iova + 11, 1);
                assertThat(read(memory.memory(), 110, 3)).isEqualTo(new byte[] {SECRET, 2, SECRET});
                dma.unmap(iova, 1000);
                assertThat(read(memory.memory(), 109, 5))
                        .isEqualTo(new byte[] {SECRET, 1, 2, 3, SECRET});
                byte[] before = memory.memory().toArray(ValueLayout.JAVA_BYTE);
                byte[] flood = new byte[4096];
                Arrays.fill(flood, (byte) 0xee);
                deviceWrites(bench, iova & ~4095, flood);
                assertThat(memory.memory().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(before);
                memory.memory().fill(SECRET);
            }
        }
    }

    /** A buffer that the device fills in part must not show another buffer's data in the rest. */
    @Test
    void shouldLeaveWhatTheDeviceDoesNotWrite() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(8192)) {
            long first = dma.map(memory.physicalAddress(), 2048, DmaDirection.FROM_DEVICE);
            byte[] flood = new byte[2048];
            Arrays.fill(flood, (byte) 0xee);
            deviceWrites(bench, first, flood);
            dma.unmap(first, 2048);
            long second = dma.map(memory.physicalAddress() + 4096, 2048, DmaDirection.FROM_DEVICE);
            assertThat(second).as("the same slot").isEqualTo(first);
            deviceWrites(bench, second, new byte[] {7});
            dma.unmap(second, 2048);
            byte[] expected = new byte[2048];
            expected[0] = 7;
            assertThat(read(memory.memory(), 4096, 2048)).isEqualTo(expected);
        }
    }

    @Test
    void shouldGiveNoDeviceAByteThatWasNotMappedForIt() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(64 * 4096)) {
            memory.memory().fill(SECRET);
            Random random = new Random(7);
            List<long[]> live = new ArrayList<>();
            for (int round = 0; round < 400; round++) {
                int offset = random.nextInt(60 * 4096);
                int length = 1 + random.nextInt(5000);
                // Two buffers' worth of data: what the device may read, and what it may write.
                boolean toDevice = random.nextBoolean();
                memory.memory().fill(SECRET);
                memory.memory().asSlice(offset, length).fill(toDevice ? (byte) 0x11 : SECRET);
                long iova =
                        dma.map(
                                memory.physicalAddress() + offset,
                                length,
                                toDevice ? DmaDirection.TO_DEVICE : DmaDirection.FROM_DEVICE);
                live.add(new long[] {iova, length});
                if (live.size() > 20) {
                    long[] mapping = live.remove(random.nextInt(live.size()));
                    dma.unmap(mapping[0], (int) mapping[1]);
                }
            }
            int readable = 0;
            for (long page = 1; page < 1024; page++) {
                if (bench.reaches(page << 12, 4096, Access.READ)) {
                    readable++;
                    assertThat(deviceReads(bench, page << 12, 4096)).doesNotContain(SECRET);
                    assertThat(bench.reaches(page << 12, 1, Access.WRITE)).isFalse();
                }
            }
            assertThat(readable).isGreaterThan(10);
        }
    }

    @ParameterizedTest
    @CsvSource({"dart", "papr-64k"})
    void shouldMoveTheRightBytes(String title) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        DomainOptions options = DomainOptions.DEFAULT.withFormat(TableFormat.ofTitle(title));
        try (Bench bench = new Bench(directory, options);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(32 * 12_288)) {
            byte[] model = new byte[32 * 12_288];
            random.nextBytes(model);
            MemorySegment.copy(model, 0, memory.memory(), ValueLayout.JAVA_BYTE, 0, model.length);
            CopyModel steps = new CopyModel(bench, dma, memory, model, random);
            for (int step = 0; step < 4_000; step++) {
                steps.at = "seed=%d step=%d".formatted(seed, step);
                steps.step();
            }
            assertThat(memory.memory().toArray(ValueLayout.JAVA_BYTE))
                    .as("seed=%d", seed)
                    .isEqualTo(model);
        }
    }

    /** Buffers of their own three pages each; what the driver and the device should see of each. */
    private static final class CopyModel {
        private final Bench bench;
        private final Dma dma;
        private final DmaMemory memory;
        private final byte[] driver;
        private final Random random;
        private final long[] iovas = new long[32];
        private final int[] starts = new int[32];
        private final DmaDirection[] directions = new DmaDirection[32];

        /** What the slot holds; null if the buffer is not mapped. */
        private final byte[][] device = new byte[32][];

        private String at;

        CopyModel(Bench bench, Dma dma, DmaMemory memory, byte[] driver, Random random) {
            this.bench = bench;
            this.dma = dma;
            this.memory = memory;
            this.driver = driver;
            this.random = random;
        }

        void step() {
            int buffer = random.nextInt(32);
            if (device[buffer] == null) {
                map(buffer);
            } else {
                int from = random.nextInt(device[buffer].length);
                int length = 1 + random.nextInt(device[buffer].length - from);
                switch (random.nextInt(6)) {
                    case 0, 1 -> unmap(buffer);
                    case 2 -> syncForDevice(buffer, from, length);
                    case 3 -> syncForCpu(buffer, from, length);
                    case 4 -> deviceWrites(buffer, from, length);
                    default -> deviceReads(buffer, from, length);
                }
            }
        }

        private boolean reads(int buffer) {
            return directions[buffer] != DmaDirection.FROM_DEVICE;
        }

        private boolean writes(int buffer) {
            return directions[buffer] != DmaDirection.TO_DEVICE;
        }

        private void map(int buffer) {
            int within = random.nextInt(4096);
            int length = 1 + random.nextInt(random.nextInt(8) == 0 ? 8192 : 600);
            starts[buffer] = buffer * 12_288 + within;
            directions[buffer] = DmaDirection.values()[random.nextInt(3)];
            iovas[buffer] =
                    dma.map(memory.physicalAddress() + starts[buffer], length, directions[buffer]);
            assertThat(iovas[buffer]).as(at).isNotEqualTo(Dma.NO_IOVA);
            device[buffer] = Arrays.copyOfRange(driver, starts[buffer], starts[buffer] + length);
        }

        private void unmap(int buffer) {
            dma.unmap(iovas[buffer], device[buffer].length);
            if (writes(buffer)) {
                System.arraycopy(device[buffer], 0, driver, starts[buffer], device[buffer].length);
            }
            assertThat(read(memory.memory(), buffer * 12_288L, 12_288))
                    .as(at)
                    .isEqualTo(Arrays.copyOfRange(driver, buffer * 12_288, (buffer + 1) * 12_288));
            device[buffer] = null;
        }

        private void syncForDevice(int buffer, int from, int length) {
            byte[] fresh = new byte[length];
            random.nextBytes(fresh);
            int start = starts[buffer] + from;
            System.arraycopy(fresh, 0, driver, start, length);
            MemorySegment.copy(fresh, 0, memory.memory(), ValueLayout.JAVA_BYTE, start, length);
            dma.syncForDevice(iovas[buffer] + from, length);
            if (reads(buffer)) {
                System.arraycopy(fresh, 0, device[buffer], from, length);
            }
        }

        private void syncForCpu(int buffer, int from, int length) {
            dma.syncForCpu(iovas[buffer] + from, length);
            if (writes(buffer)) {
                System.arraycopy(device[buffer], from, driver, starts[buffer] + from, length);
            }
            assertThat(read(memory.memory(), starts[buffer], device[buffer].length))
                    .as(at)
                    .isEqualTo(
                            Arrays.copyOfRange(
                                    driver,
                                    starts[buffer],
                                    starts[buffer] + device[buffer].length));
        }

        private void deviceWrites(int buffer, int from, int length) {
            if (!writes(buffer)) {
                assertThat(bench.reaches(iovas[buffer], 1, Access.WRITE)).as(at).isFalse();
                return;
            }
            byte[] fresh = new byte[length];
            random.nextBytes(fresh);
            CopiedDmaTest.deviceWrites(bench, iovas[buffer] + from, fresh);
            System.arraycopy(fresh, 0, device[buffer], from, length);
        }

        private void deviceReads(int buffer, int from, int length) {
            if (!reads(buffer)) {
                assertThat(bench.reaches(iovas[buffer], 1, Access.READ)).as(at).isFalse();
                return;
            }
            assertThat(CopiedDmaTest.deviceReads(bench, iovas[buffer] + from, length))
                    .as(at)
                    .isEqualTo(Arrays.copyOfRange(device[buffer], from, from + length));
        }
    }

    @Test
    void shouldPackAListIntoOneBuffer() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(8 * 4096)) {
            memory.memory().setString(100, "head");
            memory.memory().setString(5 * 4096 - 2, "tail");
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(memory.physicalAddress() + 100, 4);
            list.add(memory.physicalAddress() + 5 * 4096 - 2, 4);
            assertThat(dma.map(list, DmaDirection.BIDIRECTIONAL)).isTrue();
            assertThat(list.deviceCount()).isEqualTo(1);
            assertThat(list.deviceLengthBytes(0)).isEqualTo(8);
            assertThat(new String(deviceReads(bench, list.deviceIova(0), 8))).isEqualTo("headtail");
            deviceWrites(bench, list.deviceIova(0) + 2, "ADTA".getBytes());
            assertThatThrownBy(() -> dma.unmap(list.iova(0), 8))
                    .as("a list, not a buffer")
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> dma.syncForCpu(list.iova(0), 5))
                    .as("beyond its buffer")
                    .isInstanceOf(IllegalArgumentException.class);
            dma.syncForCpu(list.iova(1), 1);
            assertThat(memory.memory().getString(5 * 4096 - 2)).isEqualTo("Tail");
            assertThat(memory.memory().getString(100)).isEqualTo("head");
            memory.memory().setString(100, "HEad");
            dma.syncForDevice(list.iova(0), 2);
            assertThat(new String(deviceReads(bench, list.iova(0), 8))).isEqualTo("HEADTAil");
            dma.unmap(list);
            assertThat(memory.memory().getString(100)).isEqualTo("HEAD");
            assertThat(memory.memory().getString(5 * 4096 - 2)).isEqualTo("TAil");
            assertThat(dma.statistics().livePages()).isZero();
        }
    }

    @Test
    void shouldRefuseWrongUnmapsAndSyncsAndChangeNothing() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(8192)) {
            long iova = dma.map(memory.physicalAddress(), 5000, DmaDirection.FROM_DEVICE);
            deviceWrites(bench, iova, new byte[] {9});
            long[][] wrong = {
                {iova, 4096},
                {iova + 4096, 904},
                {iova, 0},
                {iova, -5000},
                {0, 4096},
                {-1, 4096},
                {iova + 8192, 5000},
                {Long.MAX_VALUE, Integer.MAX_VALUE},
                {1024 << 12, 1},
                {iova + 1, 4999},
                {iova + 1, 5000}
            };
            for (long[] unmap : wrong) {
                assertThatThrownBy(() -> dma.unmap(unmap[0], (int) unmap[1]))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("not mapped like that");
            }
            long[][] wrongSyncs = {
                {iova, 5001},
                {iova + 5000, 1},
                {iova - 1, 1},
                {iova, 0},
                {iova, -1},
                {0, 1},
                {iova + 8192, 1}
            };
            for (long[] sync : wrongSyncs) {
                assertThatThrownBy(() -> dma.syncForCpu(sync[0], (int) sync[1]))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> dma.syncForDevice(sync[0], (int) sync[1]))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(
                            () -> dma.unmapAll(new long[] {iova, iova}, new int[] {5000, 5000}, 2))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, 0)).isZero();
            assertThat(dma.statistics().liveMappings()).isEqualTo(1);
            dma.unmap(iova, 5000);
            assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 9);
            assertThatThrownBy(() -> dma.unmap(iova, 5000))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> dma.map(0, 1, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("not memory of this service");
            bench.memory.addGranted(0x7000_0000_0000L, 4096, Access.READ_WRITE);
            assertThatThrownBy(() -> dma.map(0x7000_0000_0000L, 1, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("cannot copy it");
        }
    }

    @Test
    void shouldBoundItsMemoryAndUseEmptyChunksForOtherSizes() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.COPIED);
                DmaMemory memory = dma.allocate(4096)) {
            long free = bench.memory.freeBytes();
            List<Long> small = new ArrayList<>();
            long iova;
            while ((iova = dma.map(memory.physicalAddress(), 2048, DmaDirection.TO_DEVICE))
                    != Dma.NO_IOVA) {
                small.add(iova);
            }
            int most = (5 << 20) / 2 / 2048;
            assertThat(small).hasSize(most);
            assertThat(free - bench.memory.freeBytes()).isEqualTo((5 << 20) / 2);
            assertThat(dma.map(memory.physicalAddress(), 1, DmaDirection.FROM_DEVICE))
                    .isEqualTo(Dma.NO_IOVA);
            ScatterGatherList list = new ScatterGatherList(1);
            list.add(memory.physicalAddress(), 5);
            assertThat(dma.map(list, DmaDirection.FROM_DEVICE)).isFalse();
            dma.unmap(small.remove(3), 2048);
            assertThat(dma.map(memory.physicalAddress(), 2048, DmaDirection.TO_DEVICE))
                    .isNotEqualTo(Dma.NO_IOVA);
            long flushes = dma.statistics().flushes();
            small.forEach(each -> dma.unmap(each, 2048));
            assertThat(dma.statistics().flushes()).isEqualTo(flushes);
            assertThat(dma.map(memory.physicalAddress(), 1, DmaDirection.FROM_DEVICE))
                    .as("an empty chunk went")
                    .isNotEqualTo(Dma.NO_IOVA);
            assertThat(dma.statistics().flushes()).isGreaterThan(flushes);
            assertThat(bench.reaches(small.getLast(), 1, Access.READ)).as("flushed").isFalse();
        }
    }

    @Test
    void shouldGiveEverythingBackWhenClosed() {
        try (Bench bench = new Bench(directory, DART)) {
            long free = bench.memory.freeBytes();
            Dma dma = bench.domain.dma(Strategy.COPIED);
            CoherentMemory rings = dma.allocateCoherent(4096);
            assertThat(bench.reaches(rings.iova(), 8, Access.READ_WRITE)).isTrue();
            bench.window.memory.set(ValueLayout.JAVA_INT, bench.window.offset, 5);
            assertThat(rings.memory().get(ValueLayout.JAVA_INT, 0)).as("not copied").isEqualTo(5);
            DmaMemory memory = dma.allocate(100_000);
            long live = dma.map(memory.physicalAddress(), 100_000, DmaDirection.BIDIRECTIONAL);
            deviceWrites(bench, live, new byte[] {1});
            dma.close();
            assertThat(bench.reaches(live, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isFalse();
            assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, 0)).isZero();
            assertThatThrownBy(() -> dma.unmap(live, 100_000))
                    .isInstanceOf(IllegalArgumentException.class);
            rings.close();
            memory.close();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
        }
    }
}

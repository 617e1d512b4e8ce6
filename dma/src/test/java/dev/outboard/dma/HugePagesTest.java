package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outboard.uio.Descriptor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HugePagesTest {
    private static final long MEBIBYTE = 1 << 20;
    private static final Path TRANSPARENT =
            Path.of("/sys/kernel/mm/transparent_hugepage/shmem_enabled");

    @TempDir Path directory;

    private static void assumeHugePages(int count) {
        assumeTrue(
                HugePages.best(2 * MEBIBYTE * count) == PageKind.HUGE_2M,
                "needs free huge pages: echo 64 > /proc/sys/vm/nr_hugepages");
    }

    @Test
    void shouldMakeASegmentOfHugePagesThatADeviceMapsAndThatGoAgain() {
        assumeHugePages(8);
        try (Bench bench = new Bench(directory, DomainOptions.DEFAULT);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                Follower device = new Follower(bench)) {
            PhysicalSegment segment = bench.memory.plug(5 * MEBIBYTE, PageKind.HUGE_2M);
            assertThat(segment.lengthBytes()).as("rounded up").isEqualTo(6 * MEBIBYTE);
            assertThat(segment.pages()).isEqualTo(PageKind.HUGE_2M);
            MemoryReport.Segment report = bench.memory.report().segments().getLast();
            assertThat(report.hugeBytes()).isEqualTo(6 * MEBIBYTE);
            try (DmaMemory buffer = bench.memory.allocate(2 * MEBIBYTE, segment)) {
                buffer.memory().set(ValueLayout.JAVA_LONG, MEBIBYTE, 7);
                int length = (int) buffer.lengthBytes();
                long iova = dma.map(buffer.physicalAddress(), length, DmaDirection.TO_DEVICE);
                assertThat(device.read(iova + MEBIBYTE)).isEqualTo(7);
                dma.unmap(iova, length);
            }
            long start = segment.physicalAddress();
            assertThatThrownBy(() -> bench.memory.unplug(start, MEBIBYTE, Unplug.REFUSE))
                    .hasMessageContaining("no multiple of the huge pages of 2 MiB");
            bench.memory.unplug(start, 2 * MEBIBYTE, Unplug.REFUSE);
            assertThat(bench.memory.contains(start, 1)).isFalse();
            bench.memory.unplug(start + 2 * MEBIBYTE, 4 * MEBIBYTE, Unplug.REFUSE);
            assertThat(bench.memory.segments()).doesNotContain(segment);
        }
    }

    @Test
    void shouldRefuseHugePagesThatAreNotThereWithTheRemedy() {
        try (PhysicalMemory memory = PhysicalMemory.create(MEBIBYTE)) {
            int descriptors = Descriptor.openCount();
            long tooMuch = 48L << 30;
            assertThatThrownBy(() -> memory.plug(tooMuch, PageKind.HUGE_2M))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("24576 huge pages of 2 MiB are wanted and")
                    .hasMessageContaining("echo N > /proc/sys/vm/nr_hugepages");
            assertThatThrownBy(() -> memory.plug(tooMuch, PageKind.HUGE_1G))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("48 huge pages of 1 GiB are wanted and")
                    .hasMessageContaining("hugepages-1048576kB");
            assertThat(memory.segments()).hasSize(1);
            assertThat(Descriptor.openCount()).isEqualTo(descriptors);
            assertThatThrownBy(() -> PhysicalMemory.create(PageKind.HUGE_2M, tooMuch))
                    .hasMessageContaining("nr_hugepages");
        }
    }

    @Test
    void shouldNeverFailForTheWantOfHugePagesWhenTheKernelMayChoose() {
        try (PhysicalMemory memory = PhysicalMemory.create(PageKind.AUTO, 4 * MEBIBYTE)) {
            PhysicalSegment large = memory.plug(48L << 30, PageKind.AUTO);
            assertThat(large.pages()).isEqualTo(PageKind.TRANSPARENT);
            PhysicalSegment odd = memory.plug(12_288, PageKind.AUTO);
            assertThat(odd.pages()).isEqualTo(PageKind.BASE);
            assertThat(odd.lengthBytes()).isEqualTo(12_288);
            memory.allocate(4096, large).close();
        }
    }

    @Test
    void shouldLetTheKernelJoinPagesAndTellHowManyItDid() throws IOException {
        assumeTrue(
                Files.readString(TRANSPARENT).matches("(?s).*\\[(always|within_size|advise)].*"),
                "needs transparent huge pages: echo advise > " + TRANSPARENT);
        try (PhysicalMemory memory = PhysicalMemory.create(PageKind.TRANSPARENT, 8 * MEBIBYTE)) {
            PhysicalSegment segment = memory.segments().getFirst();
            assertThat(segment.memory().address() % (2 * MEBIBYTE)).isZero();
            assertThat(memory.report().segments().getFirst().hugeBytes()).isZero();
            segment.memory().fill((byte) 1);
            assertThat(memory.report().segments().getFirst().hugeBytes()).isEqualTo(8 * MEBIBYTE);
            memory.unplug(segment.physicalAddress() + 4096, 4096, Unplug.REFUSE);
            assertThat(memory.report().segments().getFirst().hugeBytes())
                    .as("the first 2 MiB were cut")
                    .isEqualTo(6 * MEBIBYTE);
            assertThat(segment.memory().get(ValueLayout.JAVA_BYTE, 8192)).isEqualTo((byte) 1);
        }
    }

    @Test
    void shouldGiveTheMemoryOfAPartBackToTheKernel() throws IOException {
        try (PhysicalMemory memory = PhysicalMemory.create(8 * MEBIBYTE)) {
            PhysicalSegment segment = memory.segments().getFirst();
            segment.memory().fill((byte) 1);
            Path file = Path.of("/proc/self/fd/" + segment.descriptor().number());
            long before = blocks(file);
            memory.unplug(segment.physicalAddress() + 4 * MEBIBYTE, MEBIBYTE, Unplug.REFUSE);
            assertThat(before - blocks(file)).isEqualTo(MEBIBYTE / 512);
        }
    }

    private static long blocks(Path file) throws IOException {
        try {
            Process stat =
                    new ProcessBuilder(
                                    "stat",
                                    "-L",
                                    "-c",
                                    "%b",
                                    "/proc/%d/fd/%s"
                                            .formatted(
                                                    ProcessHandle.current().pid(),
                                                    file.getFileName()))
                            .start();
            String told = new String(stat.getInputStream().readAllBytes()).strip();
            stat.waitFor();
            return Long.parseLong(told);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    @Test
    void shouldSumOnlyWhatLiesBetweenTwoAddresses() {
        List<String> smaps =
                List.of(
                        "7f0000000000-7f0000200000 rw-s 00000000 00:01 1 /memfd:a-b (deleted)",
                        "ShmemPmdMapped:     2048 kB",
                        "7f0000200000-7f0000600000 rw-s 00200000 00:01 1 /memfd:a",
                        "Rss:                9999 kB",
                        "ShmemPmdMapped:     4096 kB",
                        "VmFlags: rd wr sh mr mw me ms",
                        "7f0000800000-7f0000a00000 rw-s 00000000 00:01 2 /memfd:other",
                        "ShmemPmdMapped:     2048 kB");
        assertThat(HugePages.joinedBytes(smaps, 0x7f0000000000L, 0x7f0000600000L))
                .isEqualTo(6 * MEBIBYTE);
        assertThat(HugePages.joinedBytes(smaps, 0x7f0000200000L, 0x7f0000600000L))
                .isEqualTo(4 * MEBIBYTE);
        assertThat(HugePages.joinedBytes(List.of(), 0, Long.MAX_VALUE)).isZero();
    }
}

package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.NativeException;
import dev.outboard.uio.failure.FailurePoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever fails while memory comes or goes, it has come or gone wholly, or not at all. */
final class HotplugFailureTest {
    private static final long BYTES = 2 << 20;
    private static final int MOST_POINTS = 100;
    private static final DomainOptions OPTIONS = DomainOptions.DEFAULT.withTableEntries(8192);

    @TempDir Path directory;

    private int plugged;
    private int unplugged;

    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldLeaveMemoryWholeWhateverFails(Strategy strategy) {
        TreeSet<String> hits = new TreeSet<>();
        try (PhysicalMemory memory = PhysicalMemory.create(BYTES);
                IommuOwner owner = IommuOwner.listen(directory.resolve("iommu.sock"));
                IommuDomain domain = owner.claim("nic0", memory, OPTIONS);
                Dma dma = domain.dma(strategy)) {
            change(memory, dma);
            long before = memoryFiles();
            String hit;
            int number = 0;
            do {
                assertThat(++number).isLessThan(MOST_POINTS);
                FailurePoint.arm(number);
                RuntimeException failure = null;
                try {
                    change(memory, dma);
                } catch (IllegalStateException
                        | NativeException
                        | OutOfDmaMemoryException expected) {
                    failure = expected;
                } finally {
                    hit = FailurePoint.disarm();
                    hits.add(hit);
                }
                String what = "number=%d hit=%s failure=%s".formatted(number, hit, failure);
                check(memory, dma, what);
                assertThat(memoryFiles()).as(what).isEqualTo(before);
            } while (!hit.isEmpty());
        }
        assertThat(hits).contains("memfd_create", "ftruncate", "fcntl", "mmap", "segment");
        assertThat(hits).contains("fallocate", "pages");
        assertThat(plugged).isPositive();
        assertThat(unplugged).isPositive();
    }

    /** Memory comes, is used, and goes in two parts, or whole where parts cannot. */
    private void change(PhysicalMemory memory, Dma dma) {
        PhysicalSegment segment = memory.plug(BYTES, PageKind.BASE);
        plugged++;
        try (DmaMemory buffer = memory.allocate(8192, segment)) {
            Grant grant = dma.grant(buffer.physicalAddress(), 8192, DmaDirection.FROM_DEVICE);
            long iova = dma.map(buffer.physicalAddress(), 8192, DmaDirection.FROM_DEVICE);
            if (iova != Dma.NO_IOVA) {
                dma.unmap(iova, 8192);
            }
            grant.close();
        }
        long start = segment.physicalAddress();
        if (dma.strategy() == Strategy.PREALLOCATED) {
            memory.unplug(start, BYTES, Unplug.REFUSE);
        } else {
            memory.unplug(start + 4096, 8192, Unplug.REFUSE);
            memory.unplug(start, 4096, Unplug.FORCE);
            memory.unplug(start + 12_288, BYTES - 12_288, Unplug.REFUSE);
        }
        unplugged++;
    }

    /** Open files of memory, and mappings of them: of this test's memory alone. */
    private static long memoryFiles() {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"));
                Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return open.filter(HotplugFailureTest::isMemory).count()
                    + maps.filter(line -> line.contains("memfd:outboard-memory")).count();
        } catch (IOException failure) {
            throw new AssertionError(failure);
        }
    }

    private static boolean isMemory(Path descriptor) {
        try {
            String file = Files.readSymbolicLink(descriptor).toString();
            return file.contains("outboard-memory") || file.contains("outboard-nothing");
        } catch (IOException closed) {
            // Of the listing itself, or of a thread of another test.
            return false;
        }
    }

    /** What is there can be used, to the last page, and can go. */
    private static void check(PhysicalMemory memory, Dma dma, String what) {
        assertThat(memory.heldBytes()).as(what).isZero();
        for (PhysicalSegment segment : memory.segments()) {
            long end = segment.physicalAddress() + segment.lengthBytes();
            for (long at = segment.physicalAddress(); at < end; at += 4096) {
                long bytes = memory.bytesFrom(at);
                if (bytes > 0 && segment.physicalAddress() != PhysicalMemory.FIRST_ADDRESS) {
                    memory.unplug(at, bytes, Unplug.REFUSE);
                    at += bytes - 4096;
                }
            }
        }
        assertThat(memory.segments()).as(what).hasSize(1);
        dma.flush();
        assertThat(memory.lengthBytes()).as(what).isEqualTo(BYTES);
        assertThat(memory.report().mappedFrames())
                .as(what)
                .isLessThanOrEqualTo(memory.report().presentFrames());
        if (dma.strategy() != Strategy.COPIED) {
            assertThat(memory.freeBytes()).as(what).isEqualTo(BYTES);
        }
    }
}

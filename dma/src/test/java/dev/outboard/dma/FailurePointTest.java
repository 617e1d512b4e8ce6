package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.IovaAllocator;
import dev.outboard.uio.ConnectionRefusedException;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.failure.FailurePoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever runs out first: the chain from memory to a closed service fails at its first, second …
 * point, until it succeeds, and leaves nothing behind at any.
 */
final class FailurePointTest {
    private static final int MOST_POINTS = 500;
    private static final List<String> OFF_POINTS = List.of("memfd_create", "mmap", "pages");
    private static final List<String> POINTS =
            List.of(
                    "memfd_create",
                    "mmap",
                    "pages",
                    "accept4",
                    "bind",
                    "epoll_ctl",
                    "eventfd",
                    "sendmsg",
                    "iova",
                    "quota");

    @TempDir private Path directory;

    @AfterEach
    void disarm() {
        FailurePoint.disarm();
    }

    /** What this process has, that may leak. */
    private record Possessions(int descriptors, long mappings, long threads, long files) {
        static Possessions now(Path directory) {
            try (var maps = Files.lines(Path.of("/proc/self/maps"));
                    var files = Files.list(directory)) {
                return new Possessions(
                        Descriptor.openCount(),
                        maps.filter(line -> line.contains("memfd:outboard")).count(),
                        Thread.getAllStackTraces().keySet().stream()
                                .filter(thread -> !thread.getName().startsWith("junit"))
                                .filter(thread -> thread.getName().contains("iommu"))
                                .count(),
                        files.count());
            } catch (IOException failure) {
                throw new AssertionError(failure);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldLeaveNothingBehindWhateverFails(Strategy strategy) {
        // Once without: what the virtual machine opens at first use is no leak.
        chain(strategy);
        Possessions before = Possessions.now(directory);
        TreeMap<String, Integer> hits = new TreeMap<>();
        failAll(strategy, null, before, hits);
        // Two threads race: what was never the n-th point is asked for by its name.
        for (String point : strategy == Strategy.OFF ? OFF_POINTS : POINTS) {
            if (!hits.containsKey(point)) {
                failAll(strategy, point, before, hits);
            }
            assertThat(hits).containsKey(point);
        }
    }

    /** The first point of a kind fails, then the second, and so on, until the chain succeeds. */
    private void failAll(
            Strategy strategy, String kind, Possessions before, TreeMap<String, Integer> hits) {
        int number = 0;
        String hit;
        do {
            assertThat(++number).isLessThan(MOST_POINTS);
            RuntimeException failure = null;
            FailurePoint.arm(kind, number);
            try {
                chain(strategy);
            } catch (ConnectionRefusedException
                    | IllegalStateException
                    | NativeException
                    | OutOfDmaMemoryException
                    | QuotaExceededException
                    | PeerGoneException
                    | PeerTimeoutException expected) {
                failure = expected;
            } catch (IllegalArgumentException wrong) {
                // What preallocating says when there is no IOVA.
                assertThat(wrong).hasMessageContaining("does not fit");
                failure = wrong;
            } finally {
                hit = FailurePoint.disarm();
            }
            hits.merge(hit, 1, Integer::sum);
            assertThat(Possessions.now(directory))
                    .as("strategy=%s number=%d hit=%s failure=%s", strategy, number, hit, failure)
                    .isEqualTo(before);
        } while (!hit.isEmpty());
    }

    private void chain(Strategy strategy) {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20, 64 << 10)) {
            try {
                if (strategy == Strategy.OFF) {
                    try (Dma dma = Dma.off(memory)) {
                        use(dma, null);
                    }
                } else {
                    own(memory, strategy);
                }
            } finally {
                assertThat(memory.freeBytes()).as("pages").isEqualTo(memory.lengthBytes());
                assertThat(memory.heldBytes()).isZero();
            }
        }
    }

    private void own(PhysicalMemory memory, Strategy strategy) {
        DomainOptions options =
                DomainOptions.DEFAULT
                        .withTableEntries(8192)
                        .withAllocation(
                                strategy == Strategy.CACHED
                                        ? IovaAllocation.MAGAZINES
                                        : IovaAllocation.NEXT_FIT);
        try (IommuOwner owner = IommuOwner.listen(directory.resolve("iommu.sock"));
                OwnedDomain domain = (OwnedDomain) owner.claim("nic0", memory, options);
                IommuAttachment device =
                        IommuAttachment.connect(owner.path(), "nic0", Bench.TIMEOUT_NANOS)) {
            Translations translations = domain.translations(0);
            IovaAllocator iovas = translations.iovas();
            long free = iovas.freePages();
            try (Dma dma =
                    Dma.over(
                            memory,
                            new FailingTranslations(translations),
                            StrategyOptions.of(strategy))) {
                use(dma, device);
            } finally {
                assertThat(iovas.freePages() + iovas.retiredPages()).as("IOVA").isEqualTo(free);
            }
        }
    }

    private static void use(Dma dma, IommuAttachment device) {
        try (CoherentMemory coherent = dma.allocateCoherent(4096);
                DmaMemory buffer = dma.allocate(32768)) {
            long start = buffer.physicalAddress();
            long iova = dma.map(start, 1500, DmaDirection.TO_DEVICE);
            if (iova != Dma.NO_IOVA) {
                reach(device, iova);
                dma.unmap(iova, 1500);
            }
            long[] physical = {start, start + 4096, start + 8192};
            long[] iovas = new long[3];
            int[] lengths = {100, 4096, 5000};
            int count = dma.mapAll(physical, lengths, iovas, 3, DmaDirection.FROM_DEVICE);
            dma.unmapAll(iovas, lengths, count);
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(start, 4096);
            list.add(start + 16384, 4096);
            if (dma.map(list, DmaDirection.BIDIRECTIONAL)) {
                dma.unmap(list);
            }
            dma.grant(start, 4096, DmaDirection.TO_DEVICE).close();
            reach(device, coherent.iova());
            dma.flush();
        }
    }

    private static void reach(IommuAttachment device, long iova) {
        if (device != null) {
            device.enter();
            assertThat(device.resolve(iova, 1, Access.READ, new DmaWindow())).isTrue();
            device.exit();
        }
    }

    @Test
    void shouldFailOnceAndSayWhat() {
        FailurePoint.arm(2);
        List<String> failed = new ArrayList<>();
        for (String what : List.of("a", "b", "c", "d")) {
            if (FailurePoint.fails(what)) {
                failed.add(what);
            }
        }
        assertThat(failed).containsExactly("b");
        assertThat(FailurePoint.disarm()).isEqualTo("b");
        assertThatThrownBy(() -> FailurePoint.arm(0)).hasMessageContaining("number=0");
    }
}

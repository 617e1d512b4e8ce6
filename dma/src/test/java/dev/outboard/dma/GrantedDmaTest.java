package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device reaches what is granted, as it is granted, as long as it is granted. */
final class GrantedDmaTest {
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);

    @TempDir Path directory;

    @Test
    void shouldReachWhatIsGrantedUntilTheGrantEnds() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.GRANTED);
                DmaMemory client = bench.memory.allocate(4 * 4096)) {
            long start = client.physicalAddress();
            assertThatThrownBy(() -> dma.map(start, 10, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is not granted for the device to read");
            Grant grant = dma.grant(start + 4096, 4196, DmaDirection.TO_DEVICE);
            long iova = dma.map(start + 5000, 3000, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova, 3000, Access.READ)).isTrue();
            assertThat(bench.physicalAddress()).isEqualTo(start + 5000);
            assertThat(bench.reaches(iova, 1, Access.WRITE)).isFalse();
            assertThatThrownBy(() -> dma.map(start + 5000, 1, DmaDirection.FROM_DEVICE))
                    .hasMessageContaining("is not granted for the device to write");
            assertThatThrownBy(() -> dma.map(start + 4095, 1, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("is not granted");
            assertThatThrownBy(() -> dma.map(start + 5000, 3293, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("is not granted");
            assertThatThrownBy(() -> dma.map(start, 0, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("not memory of this service");
            assertThatThrownBy(grant::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("unmap it before");
            dma.unmap(iova, 3000);
            assertThat(bench.reaches(iova, 1, Access.READ)).as("the window").isTrue();
            assertThat(dma.statistics().flushes()).isZero();
            grant.close();
            grant.close();
            assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
            assertThat(dma.statistics().flushes()).isEqualTo(1);
            assertThat(dma.statistics().staleEntries()).isZero();
            assertThat(dma.statistics().windowEntries()).isEqualTo(2);
            assertThat(dma.statistics().windowNanos()).isPositive();
            assertThatThrownBy(() -> dma.map(start + 5000, 1, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("is not granted");
        }
    }

    @Test
    void shouldGrantWhatItAllocatesForItsLife() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.GRANTED)) {
            long free = bench.memory.freeBytes();
            DmaMemory memory = dma.allocate(8192);
            assertThat(dma.statistics().staleEntries()).isEqualTo(2);
            long out = dma.map(memory.physicalAddress(), 8192, DmaDirection.TO_DEVICE);
            long in = dma.map(memory.physicalAddress(), 100, DmaDirection.FROM_DEVICE);
            assertThat(in).as("the same page").isEqualTo(out);
            dma.unmap(in, 100);
            dma.unmap(out, 8192);
            assertThat(bench.reaches(in, 1, Access.READ_WRITE)).isTrue();
            memory.close();
            assertThat(bench.reaches(in, 1, Access.READ)).as("flushed first").isFalse();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
            assertThat(dma.statistics().staleEntries()).isZero();
        }
    }

    @Test
    void shouldGiveNobodyPagesThatAGrantStillReaches() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.GRANTED)) {
            long free = bench.memory.freeBytes();
            DmaMemory client = bench.memory.allocate(8192);
            Grant grant = dma.grant(client.physicalAddress(), 100, DmaDirection.FROM_DEVICE);
            client.close();
            assertThat(bench.memory.heldBytes()).isEqualTo(8192);
            grant.close();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);

            DmaMemory mapped = dma.allocate(4096);
            long iova = dma.map(mapped.physicalAddress(), 1, DmaDirection.TO_DEVICE);
            mapped.close();
            assertThat(bench.memory.heldBytes()).as("given back while mapped").isEqualTo(4096);
            assertThat(bench.reaches(iova, 1, Access.READ)).isTrue();
            dma.unmap(iova, 1);
            dma.flush();
            assertThat(bench.memory.heldBytes()).isZero();
            assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
        }
    }

    @Test
    void shouldSayWhenNoIovaIsLeftToGrant() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.GRANTED);
                DmaMemory client = bench.memory.allocate(600 * 4096)) {
            long free = bench.memory.freeBytes();
            Grant grant = dma.grant(client.physicalAddress(), 600 * 4096, DmaDirection.TO_DEVICE);
            assertThatThrownBy(
                            () ->
                                    dma.grant(
                                            client.physicalAddress(),
                                            600 * 4096,
                                            DmaDirection.FROM_DEVICE))
                    .isInstanceOf(OutOfDmaMemoryException.class)
                    .hasMessageContaining("--table-entries");
            assertThatThrownBy(() -> dma.allocate(423 * 4096))
                    .isInstanceOf(OutOfDmaMemoryException.class);
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
            grant.close();
            dma.allocate(424 * 4096).close();
        }
    }

    @Test
    void shouldRefuseWrongUnmapsAndChangeNothing() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.GRANTED);
                DmaMemory memory = dma.allocate(8192)) {
            long iova = dma.map(memory.physicalAddress(), 8192, DmaDirection.TO_DEVICE);
            long[][] wrong = {
                {iova, 4096},
                {iova + 4096, 4096},
                {iova, 0},
                {iova, -8192},
                {0, 4096},
                {-1, 4096},
                {Long.MAX_VALUE, Integer.MAX_VALUE},
                {1024 << 12, 1}
            };
            for (long[] unmap : wrong) {
                assertThatThrownBy(() -> dma.unmap(unmap[0], (int) unmap[1]))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("not mapped like that");
            }
            assertThat(dma.statistics().liveMappings()).isEqualTo(1);
            dma.unmap(iova, 8192);
        }
    }

    @Test
    void shouldEndEveryGrantWhenClosed() {
        try (Bench bench = new Bench(directory, DART)) {
            long free = bench.memory.freeBytes();
            Dma dma = bench.domain.dma(Strategy.GRANTED);
            DmaMemory memory = dma.allocate(4096);
            DmaMemory client = bench.memory.allocate(4096);
            Grant grant = dma.grant(client.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            CoherentMemory rings = dma.allocateCoherent(4096);
            long live = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            long granted = dma.map(client.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            dma.close();
            assertThat(bench.reaches(live, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(granted, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isFalse();
            assertThatThrownBy(() -> dma.grant(client.physicalAddress(), 1, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("closed");
            grant.close();
            rings.close();
            memory.close();
            client.close();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
            assertThat(dma.statistics().staleEntries()).isZero();
        }
    }

    /** A device reaches a page if and only if a grant with that right covers it. */
    @Test
    void shouldReachJustWhatIsGranted() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.GRANTED);
                DmaMemory client = bench.memory.allocate(64 * 4096)) {
            List<Grant> grants = new ArrayList<>();
            List<DmaMemory> allocations = new ArrayList<>();
            List<long[]> live = new ArrayList<>();
            for (int step = 0; step < 1_500; step++) {
                String at = "seed=%d step=%d".formatted(seed, step);
                switch (random.nextInt(8)) {
                    case 0, 1 -> {
                        if (grants.size() < 20) {
                            long start = random.nextInt(60 * 4096);
                            grants.add(
                                    dma.grant(
                                            client.physicalAddress() + start,
                                            1 + random.nextInt(4 * 4096),
                                            DmaDirection.values()[random.nextInt(3)]));
                        }
                    }
                    case 2 -> allocations.add(dma.allocate(1 + random.nextInt(8192)));
                    case 3 -> {
                        if (live.isEmpty() && !grants.isEmpty()) {
                            grants.remove(random.nextInt(grants.size())).close();
                        }
                        if (live.isEmpty() && !allocations.isEmpty()) {
                            allocations.remove(random.nextInt(allocations.size())).close();
                        }
                    }
                    case 4, 5, 6 -> map(bench, dma, client, grants, live, random, at);
                    default -> {
                        for (long[] mapping : live) {
                            dma.unmap(mapping[0], (int) mapping[1]);
                        }
                        live.clear();
                    }
                }
                check(bench, dma, grants, allocations, at);
            }
        }
    }

    private static void map(
            Bench bench,
            Dma dma,
            DmaMemory client,
            List<Grant> grants,
            List<long[]> live,
            Random random,
            String at) {
        long physical = client.physicalAddress() + random.nextInt(62 * 4096);
        int length = 1 + random.nextInt(6000);
        DmaDirection direction = DmaDirection.values()[random.nextInt(3)];
        boolean allowed =
                grants.stream()
                        .anyMatch(
                                grant ->
                                        physical >= grant.physicalAddress()
                                                && physical + length
                                                        <= grant.physicalAddress()
                                                                + grant.lengthBytes()
                                                && (grant.direction().access() & direction.access())
                                                        == direction.access());
        if (!allowed) {
            assertThatThrownBy(() -> dma.map(physical, length, direction))
                    .as(at)
                    .hasMessageContaining("is not granted");
            return;
        }
        long iova = dma.map(physical, length, direction);
        assertThat(bench.reaches(iova, length, direction.access())).as(at).isTrue();
        assertThat(bench.physicalAddress()).as(at).isEqualTo(physical);
        assertThat(bench.window.lengthBytes).as(at).isEqualTo(length);
        live.add(new long[] {iova, length});
    }

    private static void check(
            Bench bench, Dma dma, List<Grant> grants, List<DmaMemory> allocations, String at) {
        long reads = 0;
        long writes = 0;
        bench.device.enter();
        for (long page = 0; page < 1024; page++) {
            reads += bench.device.resolve(page << 12, 1, Access.READ, bench.window) ? 1 : 0;
            writes += bench.device.resolve(page << 12, 1, Access.WRITE, bench.window) ? 1 : 0;
        }
        bench.device.exit();
        long allocated = 0;
        for (DmaMemory memory : allocations) {
            allocated += memory.lengthBytes() >> 12;
        }
        long readable = allocated;
        long writable = allocated;
        long pages = allocated;
        for (Grant grant : grants) {
            int span = Buffers.pages(grant.physicalAddress(), (int) grant.lengthBytes());
            pages += span;
            readable += grant.direction() == DmaDirection.FROM_DEVICE ? 0 : span;
            writable += grant.direction() == DmaDirection.TO_DEVICE ? 0 : span;
        }
        assertThat(reads).as(at).isEqualTo(readable);
        assertThat(writes).as(at).isEqualTo(writable);
        assertThat(dma.statistics().staleEntries()).as(at).isEqualTo(pages);
        assertThat(dma.statistics().windowEntries()).as(at).isGreaterThanOrEqualTo(pages);
    }
}

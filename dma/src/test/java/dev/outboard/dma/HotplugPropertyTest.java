package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever is plugged, unplugged, refused and forced away in whatever order, under every strategy:
 * a device reaches the bytes of every live mapping of memory that is there, and none of what is
 * gone; unplugging is refused exactly while somebody has a frame; and the accounts are right after
 * each step, and zero at the end.
 */
final class HotplugPropertyTest {
    private static final int STEPS = 400;
    private static final int MOST_SEGMENTS = 6;
    private static final long FIRST_BYTES = 2L << 20;

    @TempDir Path directory;

    private Random random;
    private Bench bench;
    private Follower device;
    private Dma dma;
    private final List<Buffer> buffers = new ArrayList<>();
    private final List<CoherentMemory> rings = new ArrayList<>();
    private final Set<Long> revoked = new HashSet<>();
    private long nextTag = 1;
    private int refused;
    private int forced;
    private int unplugged;

    /** An allocation, and where it is mapped if it is. */
    private static final class Buffer {
        final DmaMemory memory;
        final long tag;
        final List<Long> iovas = new ArrayList<>();
        final Grant grant;

        Buffer(DmaMemory memory, long tag, Grant grant) {
            this.memory = memory;
            this.tag = tag;
            this.grant = grant;
        }

        int length() {
            return (int) memory.lengthBytes();
        }

        boolean overlaps(long address, long length) {
            return memory.physicalAddress() < address + length
                    && address < memory.physicalAddress() + memory.lengthBytes();
        }
    }

    static Stream<Arguments> everything() {
        return Arrays.stream(Strategy.values())
                .filter(strategy -> strategy != Strategy.OFF)
                .flatMap(
                        strategy ->
                                Stream.of("calgary", "dart", "papr:3", "vtd")
                                        .map(format -> Arguments.of(strategy, format)));
    }

    @ParameterizedTest
    @MethodSource("everything")
    void shouldKeepItsPromisesWhileMemoryComesAndGoes(Strategy strategy, String format) {
        long seed = Long.getLong("dev.outboard.seed", System.nanoTime());
        random = new Random(seed);
        TableFormat chosen = TableFormat.ofTitle(format);
        int entries = 32768;
        while (!chosen.isTableSize(entries)) {
            entries <<= 1;
        }
        DomainOptions options = DomainOptions.DEFAULT.withFormat(chosen).withTableEntries(entries);
        try (Bench opened =
                        new Bench(directory, options, PhysicalMemory.create(FIRST_BYTES, 1 << 20));
                Dma service = opened.domain.dma(strategy);
                Follower follower = new Follower(opened)) {
            bench = opened;
            dma = service;
            device = follower;
            for (int step = 0; step < STEPS; step++) {
                step();
                check();
            }
            refuseAndForce();
            check();
            end();
        } catch (AssertionError | RuntimeException failure) {
            throw new AssertionError("seed=" + seed + ": " + failure.getMessage(), failure);
        }
        assertThat(unplugged).as("unplugged, with seed=" + seed).isPositive();
        assertThat(refused).as("refused, with seed=" + seed).isPositive();
        assertThat(forced).as("forced away, with seed=" + seed).isPositive();
    }

    private void step() {
        int what = random.nextInt(100);
        if (what < 30) {
            allocate();
        } else if (what < 55 && !buffers.isEmpty()) {
            map(buffers.get(random.nextInt(buffers.size())));
        } else if (what < 75 && !buffers.isEmpty()) {
            unmap(buffers.get(random.nextInt(buffers.size())));
        } else if (what < 84 && !buffers.isEmpty()) {
            close(buffers.get(random.nextInt(buffers.size())));
        } else if (what < 86) {
            ring();
        } else if (what < 91) {
            plug();
        } else {
            unplug();
        }
    }

    private void allocate() {
        List<PhysicalSegment> segments = bench.memory.segments();
        long length = 4096L * (1 + random.nextInt(random.nextInt(20) == 0 ? 300 : 6));
        DmaMemory memory;
        try {
            memory =
                    random.nextBoolean()
                            ? bench.memory.allocate(length)
                            : bench.memory.allocate(
                                    length, segments.get(random.nextInt(segments.size())));
        } catch (OutOfDmaMemoryException full) {
            return;
        }
        for (long at = 0; at < length; at += 512) {
            assertThat(memory.memory().get(ValueLayout.JAVA_LONG, at)).as("zeroed").isZero();
        }
        memory.memory().set(ValueLayout.JAVA_LONG, 0, nextTag);
        memory.memory().set(ValueLayout.JAVA_LONG, length - 8, -nextTag);
        Grant grant = null;
        if (dma.strategy() == Strategy.GRANTED) {
            grant =
                    dma.grant(
                            memory.physicalAddress(),
                            memory.lengthBytes(),
                            DmaDirection.BIDIRECTIONAL);
        }
        buffers.add(new Buffer(memory, nextTag++, grant));
    }

    private void map(Buffer buffer) {
        if (buffer.memory.isTaken()) {
            assertThatThrownBy(
                            () ->
                                    dma.map(
                                            buffer.memory.physicalAddress(),
                                            buffer.length(),
                                            DmaDirection.BIDIRECTIONAL))
                    .isInstanceOf(IllegalArgumentException.class);
            return;
        }
        long iova =
                dma.map(
                        buffer.memory.physicalAddress(),
                        buffer.length(),
                        DmaDirection.BIDIRECTIONAL);
        if (iova != Dma.NO_IOVA) {
            buffer.iovas.add(iova);
        }
    }

    private void unmap(Buffer buffer) {
        if (!buffer.iovas.isEmpty()) {
            long iova = buffer.iovas.removeLast();
            dma.unmap(iova, buffer.length());
            revoked.remove(iova);
        }
    }

    private void close(Buffer buffer) {
        while (!buffer.iovas.isEmpty()) {
            unmap(buffer);
        }
        if (buffer.grant != null) {
            buffer.grant.close();
        }
        buffer.memory.close();
        buffers.remove(buffer);
    }

    private void ring() {
        if (rings.size() < 2) {
            try {
                rings.add(dma.allocateCoherent(8192));
            } catch (OutOfDmaMemoryException full) {
                return;
            }
        } else {
            rings.removeFirst().close();
        }
    }

    private void plug() {
        if (bench.memory.segments().size() < MOST_SEGMENTS) {
            bench.memory.plug((1 + random.nextInt(4)) << 20, PageKind.BASE);
        }
    }

    private void unplug() {
        List<PhysicalSegment> segments = bench.memory.segments();
        PhysicalSegment segment = segments.get(random.nextInt(segments.size()));
        long start = segment.physicalAddress();
        long length = segment.lengthBytes();
        boolean wholeOnly = dma.strategy() == Strategy.PREALLOCATED && random.nextInt(4) != 0;
        if (!wholeOnly && !buffers.isEmpty() && random.nextInt(3) == 0) {
            Buffer near = buffers.get(random.nextInt(buffers.size()));
            start = near.memory.physicalAddress() - 4096L * random.nextInt(3);
            length = near.memory.lengthBytes();
        } else if (!wholeOnly && random.nextBoolean()) {
            start += (long) random.nextInt((int) (length >>> 12)) << 12;
            length = segment.physicalAddress() + segment.lengthBytes() - start;
            length = (1L + random.nextInt((int) (length >>> 12))) << 12;
        }
        unplug(start, length, random.nextInt(3) == 0 ? Unplug.FORCE : Unplug.REFUSE);
    }

    private void unplug(long start, long length, Unplug how) {
        long present = bench.memory.lengthBytes();
        boolean all = bench.memory.contains(start, length);
        boolean used = isUsed(start, length);
        try {
            bench.memory.unplug(start, length, how);
        } catch (MemoryInUseException inUse) {
            refused++;
            assertThat(how).isEqualTo(Unplug.REFUSE);
            assertThat(used || shadowsIn(start, length)).as(inUse.getMessage()).isTrue();
            assertThat(bench.memory.contains(start, length)).isTrue();
            return;
        } catch (IllegalArgumentException notThere) {
            assertThat(all).as(notThere.getMessage()).isFalse();
            return;
        } catch (IllegalStateException allOrNothing) {
            assertThat(allOrNothing.getMessage())
                    .containsAnyOf("mapped the whole", "all the memory");
            assertThat(bench.memory.contains(start, length)).isTrue();
            return;
        }
        unplugged++;
        assertThat(used && how == Unplug.REFUSE).as("unplugged in use").isFalse();
        forced += used ? 1 : 0;
        assertThat(bench.memory.lengthBytes()).isEqualTo(present - length);
        assertThat(bench.memory.contains(start, 4096)).isFalse();
        assertThat(bench.memory.contains(start + length - 1, 1)).isFalse();
        for (Buffer buffer : buffers) {
            if (buffer.overlaps(start, length)) {
                assertThat(buffer.memory.isTaken()).isTrue();
            }
        }
        dropTakenRings();
        if (how == Unplug.FORCE && dma.strategy() == Strategy.COPIED) {
            noteRevoked();
        }
    }

    /** A copy may have lain in memory that was forced away, though its buffer did not. */
    private void noteRevoked() {
        for (Buffer buffer : buffers) {
            for (long iova : buffer.iovas) {
                if (!device.reaches(iova, Access.READ)) {
                    revoked.add(iova);
                }
            }
        }
    }

    private boolean isUsed(long start, long length) {
        return buffers.stream().anyMatch(buffer -> buffer.overlaps(start, length))
                || rings.stream().anyMatch(ring -> overlaps(ring, start, length));
    }

    private static boolean overlaps(CoherentMemory ring, long start, long length) {
        long address = ring.physicalAddress();
        return address < start + length && start < address + ring.lengthBytes();
    }

    /** Copies of buffers lie somewhere, and keep that memory in use. */
    private boolean shadowsIn(long start, long length) {
        return dma.strategy() == Strategy.COPIED && start + length > start;
    }

    private void dropTakenRings() {
        for (CoherentMemory ring : List.copyOf(rings)) {
            try {
                ring.memory();
            } catch (IllegalStateException taken) {
                assertThat(device.reaches(ring.iova(), Access.READ)).isFalse();
                ring.close();
                rings.remove(ring);
            }
        }
    }

    private void check() {
        long mappings = rings.size();
        for (Buffer buffer : buffers) {
            mappings += buffer.iovas.size();
            for (long iova : buffer.iovas) {
                check(buffer, iova);
            }
        }
        MemoryReport report = bench.memory.report();
        assertThat(dma.statistics().liveMappings()).isEqualTo(mappings);
        assertThat(report.services()).hasSize(1);
        assertThat(report.services().getFirst().mappings()).isEqualTo(mappings);
        assertThat(report.presentFrames() << 12).isEqualTo(bench.memory.lengthBytes());
        long held = bench.memory.heldBytes();
        long mine = buffers.stream().mapToLong(this::presentBytes).sum();
        mine += rings.stream().mapToLong(CoherentMemory::lengthBytes).sum();
        long shadows = (report.allocatedFrames() << 12) - mine - held;
        if (dma.strategy() == Strategy.COPIED) {
            assertThat(shadows).isNotNegative();
        } else {
            assertThat(shadows).as("allocated by nobody").isZero();
        }
        for (MemoryReport.Segment segment : report.segments()) {
            assertThat(segment.mappedFrames()).isBetween(0L, segment.presentFrames());
            assertThat(segment.freeFrames()).isBetween(0L, segment.presentFrames());
            assertThat(segment.superpageShare()).isBetween(0.0, 1.0);
        }
    }

    /** A buffer that was taken is an account of its segment, as long as that is there. */
    private long presentBytes(Buffer buffer) {
        if (!buffer.memory.isTaken()) {
            return buffer.memory.lengthBytes();
        }
        return bench.memory.segments().stream().anyMatch(buffer.memory::isOf)
                ? buffer.memory.lengthBytes()
                : 0;
    }

    private void check(Buffer buffer, long iova) {
        if (revoked.contains(iova)) {
            assertThat(device.reaches(iova, Access.READ)).isFalse();
        } else if (!buffer.memory.isTaken()) {
            assertThat(device.read(iova)).isEqualTo(buffer.tag);
            assertThat(device.read(iova + buffer.length() - 8)).isEqualTo(-buffer.tag);
        } else if (dma.strategy() != Strategy.COPIED) {
            assertThat(device.reaches(iova, Access.READ)).isFalse();
            assertThat(device.reaches(iova + buffer.length() - 8, Access.WRITE)).isFalse();
        }
    }

    /** What chance may have left out. */
    private void refuseAndForce() {
        PhysicalSegment segment = bench.memory.plug(1 << 20, PageKind.BASE);
        DmaMemory memory = bench.memory.allocate(8192, segment);
        memory.memory().set(ValueLayout.JAVA_LONG, 0, nextTag);
        memory.memory().set(ValueLayout.JAVA_LONG, 8184, -nextTag);
        Grant grant = dma.grant(memory.physicalAddress(), 8192, DmaDirection.BIDIRECTIONAL);
        Buffer buffer = new Buffer(memory, nextTag++, grant);
        buffers.add(buffer);
        map(buffer);
        check();
        unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.REFUSE);
        check();
        unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.FORCE);
    }

    private void end() {
        rings.forEach(CoherentMemory::close);
        for (Buffer buffer : List.copyOf(buffers)) {
            close(buffer);
        }
        rings.clear();
        dma.flush();
        assertThat(dma.statistics().liveMappings()).isZero();
        assertThat(dma.statistics().livePages()).isZero();
        dma.close();
        MemoryReport report = bench.memory.report();
        assertThat(report.allocatedFrames()).isZero();
        assertThat(report.mappedFrames()).isZero();
        assertThat(report.services()).isEmpty();
        assertThat(bench.memory.heldBytes()).isZero();
        assertThat(bench.memory.freeBytes()).isEqualTo(bench.memory.lengthBytes());
        // Nothing keeps any of it any more.
        for (PhysicalSegment segment : bench.memory.segments()) {
            if (bench.memory.segments().size() > 1) {
                long end = segment.physicalAddress() + segment.lengthBytes();
                for (long at = segment.physicalAddress(); at < end; at += 4096) {
                    long bytes = bench.memory.bytesFrom(at);
                    if (bytes > 0) {
                        bench.memory.unplug(at, bytes, Unplug.REFUSE);
                        at += bytes - 4096;
                    }
                }
            }
        }
        assertThat(bench.memory.segments()).hasSize(1);
    }
}

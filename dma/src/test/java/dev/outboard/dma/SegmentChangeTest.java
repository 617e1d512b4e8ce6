package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.AttachProtocol.Change;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Memory that comes to attached devices, and goes again. */
@Timeout(60)
final class SegmentChangeTest {
    private static final long PLACE = 1L << 40;
    private static final long SHORT_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    @TempDir Path directory;

    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());
    private Bench bench;
    private PhysicalMemory more;
    private PhysicalSegment segment;

    @BeforeEach
    void attach() {
        bench = new Bench(directory, DomainOptions.DEFAULT.withTableEntries(8192));
        more = memory(PLACE, 8192);
        segment = more.segments().getFirst();
    }

    @AfterEach
    void close() {
        bench.close();
        more.close();
    }

    private static PhysicalMemory memory(long physicalAddress, long lengthBytes) {
        MemoryFile file = MemoryFile.create("more", lengthBytes);
        file.sealSize();
        return PhysicalMemory.adopt(physicalAddress, file, () -> {});
    }

    private CompletableFuture<Void> change(boolean adds) {
        return CompletableFuture.runAsync(
                () -> {
                    if (adds) {
                        bench.domain.addSegment(segment, Bench.TIMEOUT_NANOS);
                    } else {
                        bench.domain.removeSegment(segment, Bench.TIMEOUT_NANOS);
                    }
                });
    }

    /** Has the device do what it is told, until that is done. */
    private void serve(CompletableFuture<Void> change) {
        while (!change.isDone()) {
            bench.device.receive();
        }
        change.join();
    }

    @Test
    void shouldReachMemoryFromItsComingToItsGoing() {
        bench.domain.table().map(5, PLACE >>> 12, 1, Access.READ_WRITE);
        assertThat(bench.reaches(0x5000, 8, Access.READ)).isFalse();
        assertThat(bench.awaitFaults(1))
                .contains(new Fault("nic0", 0x5000, Access.READ, FaultReason.NO_MEMORY));
        segment.memory().set(ValueLayout.JAVA_LONG, 0, 42);
        serve(change(true));
        assertThat(bench.reaches(0x5000, 8, Access.READ)).isTrue();
        MemorySegment before = bench.window.memory;
        assertThat(before.get(ValueLayout.JAVA_LONG, bench.window.offset)).isEqualTo(42);
        serve(change(false));
        assertThat(bench.reaches(0x5000, 8, Access.READ)).isFalse();
        assertThatThrownBy(() -> before.get(ValueLayout.JAVA_LONG, 0))
                .as("it is unmapped in the device")
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldVoidWhatWasResolvedWheneverMemoryChanges() {
        long generation = bench.device.enter();
        bench.device.exit();
        serve(change(true));
        assertThat(bench.device.enter()).isNotEqualTo(generation);
        generation = bench.device.checkpoint();
        bench.device.exit();
        serve(change(false));
        assertThat(bench.device.enter()).isNotEqualTo(generation);
    }

    @Test
    void shouldGiveAnAddedSegmentToWhoAttachesLater() {
        serve(change(true));
        bench.owner.admit("nic1", bench.domain);
        bench.domain.table().map(5, PLACE >>> 12, 1, Access.READ_WRITE);
        try (IommuAttachment later =
                IommuAttachment.connect(bench.owner.path(), "nic1", Bench.TIMEOUT_NANOS)) {
            later.enter();
            assertThat(later.resolve(0x5000, 8, Access.READ, bench.window)).isTrue();
            later.exit();
            CompletableFuture<Void> removal = change(false);
            bench.device.receive();
            while (!removal.isDone()) {
                later.receive();
                bench.device.receive();
            }
            later.enter();
            assertThat(later.resolve(0x5000, 8, Access.READ, bench.window)).isFalse();
        }
    }

    @Test
    void shouldNameTheDeviceThatDoesNotAnswerAndGoOnWithoutItOnceItIsGone() {
        assertThatThrownBy(() -> bench.domain.addSegment(segment, SHORT_NANOS))
                .isInstanceOf(DeviceStuckException.class)
                .hasMessageContaining("device=nic0")
                .hasMessageContaining("has not mapped memory at 0x10000000000")
                .hasMessageContaining("stop its process");
        CompletableFuture<Void> removal = change(false);
        assertThat(removal).isNotDone();
        bench.device.close();
        assertThat(removal).succeedsWithin(Duration.ofSeconds(5));
    }

    @Test
    void shouldNotHoldUpFlushesOrOtherDevicesWhileOneDoesNotAnswer() {
        CompletableFuture<Void> slow = change(true);
        bench.owner.admit("nic1", bench.domain);
        try (IommuAttachment other =
                        IommuAttachment.connect(bench.owner.path(), "nic1", Bench.TIMEOUT_NANOS);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory page = dma.allocate(4096)) {
            dma.unmap(dma.map(page.physicalAddress(), 4096, DmaDirection.TO_DEVICE), 4096);
            other.enter();
            assertThat(other.resolve(0x7000, 1, Access.READ, bench.window)).isFalse();
            other.exit();
            assertThat(bench.awaitFaults(1)).hasSize(1);
            assertThat(slow).isNotDone();
        }
        serve(slow);
    }

    @Test
    void shouldRefuseWhatOverlapsWhatIsNotThereAndWhatIsTooMuch() {
        try (PhysicalMemory same = memory(PLACE + 4096, 4096)) {
            serve(change(true));
            PhysicalSegment overlapping = same.segments().getFirst();
            assertThatThrownBy(() -> bench.domain.addSegment(overlapping, SHORT_NANOS))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("overlaps");
            assertThatThrownBy(() -> bench.domain.removeSegment(overlapping, SHORT_NANOS))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("was not added");
            PhysicalSegment own = bench.memory.segments().getFirst();
            assertThatThrownBy(() -> bench.domain.removeSegment(own, SHORT_NANOS))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        bench.domain.close();
        assertThatThrownBy(() -> bench.domain.addSegment(segment, SHORT_NANOS))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void shouldRefuseToChangeMemoryWithinASection() {
        bench.device.enter();
        assertThatThrownBy(bench.device::receive).isInstanceOf(IllegalStateException.class);
        bench.device.exit();
        bench.device.receive();
        bench.device.close();
        assertThatThrownBy(bench.device::receive).isInstanceOf(IllegalStateException.class);
    }

    /** A device that writes wherever it may, keeping what it resolved while it is told to. */
    @Test
    void shouldNeverReachWhatIsUnmappedHoweverFastItComesAndGoes() throws Exception {
        long seed = System.nanoTime();
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong writes = new AtomicLong();
        CompletableFuture<Void> device =
                CompletableFuture.runAsync(() -> runDevice(new Random(seed), stop, writes));
        bench.domain.table().map(5, PLACE >>> 12, 2, Access.READ_WRITE);
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        for (int round = 0;
                (round < 100 || writes.get() < 100) && System.nanoTime() < deadline;
                round++) {
            bench.domain.addSegment(segment, Bench.TIMEOUT_NANOS);
            bench.domain.removeSegment(segment, Bench.TIMEOUT_NANOS);
        }
        stop.set(true);
        assertThat(device).as("seed=%d", seed).succeedsWithin(Duration.ofSeconds(5));
        assertThat(writes.get()).as("it did reach it, seed=%d", seed).isPositive();
    }

    private void runDevice(Random random, AtomicBoolean stop, AtomicLong writes) {
        DmaWindow window = new DmaWindow();
        long generation = -1;
        boolean resolved = false;
        while (!stop.get()) {
            long now = bench.device.enter();
            if (now != generation) {
                generation = now;
                resolved = false;
            }
            for (int access = 0; access < 3; access++) {
                if (!resolved || random.nextInt(8) == 0) {
                    resolved = bench.device.resolve(0x5000, 8192, Access.WRITE, window);
                }
                if (resolved) {
                    window.memory.set(
                            ValueLayout.JAVA_LONG, window.offset + 8 * random.nextInt(512), 1);
                    writes.incrementAndGet();
                }
            }
            bench.device.exit();
            bench.device.receive();
        }
    }

    @Test
    void shouldEndTheConnectionOfADeviceThatSaysWhatItWasNotAskedFor() {
        for (int wrong = 0; wrong < 5; wrong++) {
            bench.owner.admit("bad" + wrong, bench.domain);
            try (UnixSocket hostile = attachByHand("bad" + wrong)) {
                hostile.send(buffer, 0, nonsense(wrong));
                assertThat(awaitGone(hostile)).as("case %d", wrong).isTrue();
            }
        }
        assertThat(bench.domain.isAttached()).as("the honest one stays").isTrue();
        serve(change(true));
    }

    private int nonsense(int which) {
        return switch (which) {
            case 0 -> AttachProtocol.writeDone(buffer, 1);
            case 1 -> AttachProtocol.writeDone(buffer, -1);
            case 2 -> AttachProtocol.writeHello(buffer, "again");
            case 3 -> AttachProtocol.writeDone(buffer, 0) - 8;
            default ->
                    AttachProtocol.writeChange(
                            buffer,
                            AttachProtocol.SEGMENT_ADDED,
                            new Change(1, new Segment(PLACE, 4096)));
        };
    }

    /** A device that reads its grant, and nothing else of the protocol. */
    private UnixSocket attachByHand(String name) {
        UnixSocket socket =
                UnixSocket.connect(
                        bench.owner.path(), UnixSocket.Kind.SEQPACKET, Bench.TIMEOUT_NANOS);
        socket.send(buffer, 0, AttachProtocol.writeHello(buffer, name));
        for (int message = 0; message < 3; message++) {
            var received = new java.util.ArrayList<Descriptor>();
            socket.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, received, true);
            received.forEach(Descriptor::close);
        }
        return socket;
    }

    private static boolean awaitGone(UnixSocket socket) {
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (!socket.isPeerGone() && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        return socket.isPeerGone();
    }

    @Test
    void shouldEndTheConnectionOfADeviceThatAcknowledgesTwice() {
        bench.owner.admit("bad", bench.domain);
        try (UnixSocket hostile = attachByHand("bad")) {
            CompletableFuture<Void> addition = change(true);
            while (!addition.isDone()) {
                bench.device.receive();
                var received = new java.util.ArrayList<Descriptor>();
                int length =
                        hostile.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, received, false);
                received.forEach(Descriptor::close);
                if (length > 0) {
                    hostile.send(buffer, 0, AttachProtocol.writeDone(buffer, 1));
                    hostile.send(buffer, 0, AttachProtocol.writeDone(buffer, 1));
                }
            }
            assertThat(awaitGone(hostile)).isTrue();
        }
    }

    @Test
    void shouldDropADeviceThatDoesNotReadWhatItIsSent() {
        bench.owner.admit("deaf", bench.domain);
        try (UnixSocket deaf = attachByHand("deaf")) {
            long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
            while (!deaf.isPeerGone() && System.nanoTime() < deadline) {
                for (boolean adds : new boolean[] {true, false}) {
                    SegmentChange change = new SegmentChange(segment, adds);
                    try {
                        bench.owner.change(bench.domain, change, 5_000_000);
                    } catch (DeviceStuckException expected) {
                        // The deaf one, as long as its socket takes more.
                    }
                    bench.device.receive();
                }
            }
            assertThat(deaf.isPeerGone()).isTrue();
        }
    }
}

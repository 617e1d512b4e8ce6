package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.MemoryTable;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostProtocolException;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Memory that a driver plugs in and out while its rings run: a region at a time. */
@Timeout(120)
class MemorySlotsTest extends NicFixture {
    private static final long PLUGGED = 1L << 40;
    private static final long USER = 0x7000_0000_0000L;
    private static final int LENGTH = 1 << 20;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;

    /** A piece of a driver's memory that its device may be told of, or not. */
    private final class Piece implements AutoCloseable {
        final MemoryFile file = MemoryFile.create("piece", LENGTH);
        final Mapping mapping = file.map(0, LENGTH, true);
        final long guest;

        Piece(long guest) {
            this.guest = guest;
        }

        MemoryRegion region() {
            return region(guest, LENGTH, guest + USER, 0);
        }

        MemoryRegion region(long guestAddress, long length, long userAddress, long offset) {
            return new MemoryRegion(guestAddress, length, userAddress, offset, file.descriptor());
        }

        @Override
        public void close() {
            mapping.close();
            file.close();
        }
    }

    private Piece piece(int number) {
        return opened(new Piece(PLUGGED + (long) number * 2 * LENGTH));
    }

    /** Sends a frame that lies in a piece, in a descriptor that names any address. */
    private static void sendFrom(NicDriver driver, Piece piece, long busAddress, byte[] frame) {
        MemorySegment bytes = piece.mapping.memory();
        bytes.asSlice(0, HEADER).fill((byte) 0);
        MemorySegment.copy(frame, 0, bytes, ValueLayout.JAVA_BYTE, HEADER, frame.length);
        driver.sendAt(busAddress, frame.length);
    }

    @Test
    void shouldReachMemoryThatIsPluggedInWhileFramesFlowAndForgetItWhenItGoes() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(64);
        a.send(NicDriver.frame(B, A, 100, 0), false);
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 100, 0));
        a.awaitTaken();
        var piece = piece(0);
        for (int round = 1; round < 50; round++) {
            a.driver.frontEnd.addMemory(piece.region());
            var frame = NicDriver.frame(B, A, 60 + round, round);
            sendFrom(a, piece, PLUGGED, frame);
            assertThat(b.next()).as("round %d", round).isEqualTo(frame);
            a.awaitTaken();
            a.driver.frontEnd.removeMemory(piece.region());
        }
        assertThat(port(0).disconnections()).isZero();
        assertThat(port(0).faults()).isZero();
        sendFrom(a, piece, PLUGGED, NicDriver.frame(B, A, 60, 1));
        Await.until("a fault", () -> port(0).faults() > 0 || port(0).disconnections() > 0);
        assertThat(b.poll()).as("of memory that is gone").isNull();
    }

    /** What QEMU does: regions come one by one, and there never is a table. */
    @Test
    void shouldDoWithoutATable() {
        startModel(2, false);
        var driver = opened(TestDriver.open(socket(0)));
        driver.negotiateWithoutMemory(0);
        driver.regions().forEach(driver.frontEnd::addMemory);
        driver.startQueue(0, TestDriver.ENTRIES);
        driver.startQueue(1, TestDriver.ENTRIES);
        var a = opened(NicDriver.of(driver));
        var b = driver(1, false).supply(8);
        a.send(NicDriver.frame(B, A, 77, 1), false);
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 77, 1));
    }

    @Test
    void shouldRefuseRegionsThatCannotBeAndChangeNothing() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(64);
        var piece = piece(0);
        var own = a.driver.regions().getFirst();
        a.driver.frontEnd.addMemory(piece.region());
        int before = Descriptor.openCount();
        long user = piece.guest + USER;
        long far = 1L << 50;
        refused(a, piece.region(), "overlaps");
        refused(a, piece.region(PLUGGED + LENGTH - 1, 4096, far, 0), "overlaps");
        refused(a, piece.region(PLUGGED - 4095, 4096, far, 0), "overlaps");
        refused(a, piece.region(far, LENGTH, user - LENGTH + 1, 0), "overlaps");
        refused(a, piece.region(far, 8192, user + 4096, 0), "overlaps");
        refused(a, piece.region(far, 4096, own.userAddress() + 4096, 0), "overlaps");
        refused(a, piece.region(own.guestAddress(), 4096, far, 0), "overlaps");
        refused(a, piece.region(far, LENGTH + 1, far, 0), "short file");
        refused(a, piece.region(far, LENGTH, far, 1), "short file");
        refused(a, piece.region(Long.MAX_VALUE - 4095, 4096, far, 0), "wraps");
        refused(a, piece.region(-4096, 4096, far, 0), "beyond the addresses");
        try (var event = EventDescriptor.create()) {
            refused(a, new MemoryRegion(far, 4096, far, 0, event.descriptor()), "no memory");
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
        sendFrom(a, piece, PLUGGED, NicDriver.frame(B, A, 99, 7));
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 99, 7));
        assertThat(port(0).disconnections()).isZero();
    }

    private static void refused(NicDriver driver, MemoryRegion region, String why) {
        assertThatThrownBy(() -> driver.driver.frontEnd.addMemory(region))
                .as(why)
                .isInstanceOf(VhostProtocolException.class)
                .hasMessageContaining("ADD_MEM_REG");
    }

    @Test
    void shouldRefuseToGiveUpWhatItDoesNotHaveOrCannotSpare() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(8);
        var piece = piece(0);
        a.driver.frontEnd.addMemory(piece.region());
        var rings = a.driver.regions().getFirst();
        assertThatThrownBy(() -> a.driver.frontEnd.removeMemory(rings))
                .as("the rings stand in it")
                .isInstanceOf(VhostProtocolException.class);
        var raw = a.driver.frontEnd;
        for (var wrong :
                List.of(
                        piece.region(PLUGGED, LENGTH - 4096, PLUGGED + USER, 0),
                        piece.region(PLUGGED + 4096, LENGTH, PLUGGED + USER, 0),
                        piece.region(PLUGGED, LENGTH, PLUGGED + USER + 4096, 0))) {
            assertThatThrownBy(() -> raw.removeMemory(wrong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("was never told");
        }
        a.send(NicDriver.frame(B, A, 100, 3), false);
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 100, 3));
        // What was refused is still there, and may go once nothing needs it.
        a.driver.frontEnd.stopVring(0);
        a.driver.frontEnd.stopVring(1);
        a.driver.frontEnd.removeMemory(rings);
        a.driver.frontEnd.removeMemory(piece.region());
        assertThat(port(0).disconnections()).isZero();
    }

    @Test
    void shouldTakeSoManyRegionsAndNoMore() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(8);
        assertThat(a.driver.frontEnd.memorySlots()).isEqualTo(MemoryTable.MAX_REGIONS);
        var pieces = new ArrayList<Piece>();
        for (int i = 1; i < MemoryTable.MAX_REGIONS; i++) {
            var piece = piece(i);
            pieces.add(piece);
            a.driver.frontEnd.addMemory(piece.region());
        }
        assertThatThrownBy(() -> a.driver.frontEnd.addMemory(piece(0).region()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("takes 128 regions");
        var last = pieces.getLast();
        sendFrom(a, last, last.guest, NicDriver.frame(B, A, 80, 9));
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 80, 9));
        pieces.forEach(piece -> a.driver.frontEnd.removeMemory(piece.region()));
        a.driver.frontEnd.addMemory(piece(0).region());
        assertThat(port(0).disconnections()).isZero();
    }

    /** Regions come and go in any order; what is there is reached, and nothing else is. */
    @Test
    void shouldKnowAfterEveryChangeJustWhatIsThere() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(64);
        var present = new ArrayList<Piece>();
        var absent = new ArrayList<Piece>();
        for (int i = 0; i < 12; i++) {
            absent.add(piece(i));
        }
        int before = Descriptor.openCount();
        int guards = 0;
        for (int round = 0; round < 300; round++) {
            boolean plug = present.isEmpty() || !absent.isEmpty() && random.nextBoolean();
            var from = plug ? absent : present;
            var moved = from.remove(random.nextInt(from.size()));
            if (plug) {
                a.driver.frontEnd.addMemory(moved.region());
                present.add(moved);
                guards++;
            } else {
                a.driver.frontEnd.removeMemory(moved.region());
                absent.add(moved);
                guards--;
            }
            if (!present.isEmpty()) {
                var used = present.get(random.nextInt(present.size()));
                var frame = NicDriver.frame(B, A, 60 + random.nextInt(1000), round);
                sendFrom(a, used, used.guest, frame);
                assertThat(b.next()).as("seed=%d round=%d", seed, round).isEqualTo(frame);
                a.awaitTaken();
            }
            // Of each region the device keeps the file's descriptor, to see who cuts it off.
            assertThat(Descriptor.openCount())
                    .as("seed=%d round=%d", seed, round)
                    .isEqualTo(before + guards);
        }
        assertThat(port(0).disconnections()).isZero();
    }

    private static final class Misses implements BackEndChannel.Listener {
        final List<Long> asked = new ArrayList<>();

        @Override
        public boolean iotlbMissed(long iova, int access) {
            asked.add(iova);
            return true;
        }

        @Override
        public void accessFailed(long iova, int access) {
            throw new AssertionError("a fault at 0x%x".formatted(iova));
        }
    }

    /** A translation does not outlive the memory that it leads into. */
    @Test
    void shouldForgetTranslationsIntoMemoryThatGoes() {
        startModel(2, false, 5_000_000_000L);
        var driver = opened(TestDriver.openAsked(socket(0)));
        driver.negotiate(0);
        var misses = new Misses();
        try (var channel = driver.frontEnd.openBackEndChannel(misses)) {
            driver.frontEnd.updateIotlb(
                    driver.block.iova(),
                    TestDriver.BLOCK_BYTES,
                    driver.userAddress(driver.block.iova()),
                    3);
            driver.startQueue(0, TestDriver.ENTRIES);
            driver.startQueue(1, TestDriver.ENTRIES);
            var a = opened(NicDriver.of(driver));
            var b = driver(1, false).supply(64);
            long iova = 1L << 30;
            var piece = piece(0);
            assertThatThrownBy(() -> driver.frontEnd.updateIotlb(iova, LENGTH, PLUGGED + USER, 3))
                    .as("before there is such memory")
                    .isInstanceOf(VhostProtocolException.class);
            for (int round = 0; round < 10; round++) {
                driver.frontEnd.addMemory(piece.region());
                driver.frontEnd.updateIotlb(iova, LENGTH, PLUGGED + USER, 3);
                var frame = NicDriver.frame(B, A, 200, round);
                sendFrom(a, piece, iova, frame);
                assertThat(b.next()).isEqualTo(frame);
                a.awaitTaken();
                driver.frontEnd.removeMemory(piece.region());
            }
            assertThat(misses.asked).isEmpty();
            sendFrom(a, piece, iova, NicDriver.frame(B, A, 200, 99));
            Await.until(
                    "a question",
                    () -> {
                        assertThat(channel.onReadable()).isTrue();
                        return misses.asked.contains(iova);
                    });
            assertThat(b.poll()).isNull();
            driver.frontEnd.addMemory(piece.region());
            driver.frontEnd.updateIotlb(iova, LENGTH, PLUGGED + USER, 3);
            assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 200, 99));
            assertThat(port(0).disconnections()).isZero();
        }
    }

    /** Whoever gives an IOMMU's owner the say may talk of memory: it is not heard. */
    @Test
    void shouldLeaveMemoryToTheOwnerOfItsIommu() {
        startModel(2, true);
        var a = driver(0, true).supply(8);
        var b = driver(1, true).supply(8);
        var piece = piece(0);
        int before = Descriptor.openCount();
        a.driver.frontEnd.addMemory(piece.region());
        assertThat(Descriptor.openCount()).isEqualTo(before);
        a.driver.frontEnd.removeMemory(piece.region());
        a.send(NicDriver.frame(B, A, 100, 3), false);
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 100, 3));
    }
}

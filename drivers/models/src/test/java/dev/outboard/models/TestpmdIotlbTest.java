package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A device that we did not write behind translations of ours: DPDK's vhost back-end with
 * iommu-support=1.
 */
@Timeout(120)
class TestpmdIotlbTest {
    private static final int PAGE = 4096;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;
    private static final long USER = 0x7000_0000_0000L;
    private static final byte CANARY = 0x5c;
    private static final MacAddress OURS = MacAddress.parse("02:00:00:00:00:0b");
    private static final MacAddress THEIRS = MacAddress.parse("02:00:00:00:00:0a");
    private static final long NET_MRG_RXBUF = 1L << 15;
    private static final long KEPT =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.ACCESS_PLATFORM
                    | NET_MRG_RXBUF
                    | 1L << 30;
    @TempDir Path directory;
    private TestpmdBackEnd peer;

    @BeforeEach
    void startPeer() throws IOException {
        peer = TestpmdBackEnd.start(directory, true);
    }

    @AfterEach
    void endPeer() throws Exception {
        if (peer != null) {
            peer.close();
        }
    }

    private NicDriver fed() {
        return NicDriver.start(
                TestDriver.openFed(peer.socket, Strategy.STRICT).pushingRings().wantingAll(),
                ~KEPT);
    }

    /** Receive buffers of a page, each mapped for itself. */
    private static long[] supply(NicDriver driver, DmaMemory memory, int count) {
        var iovas = new long[count];
        for (int i = 0; i < count; i++) {
            iovas[i] = map(driver, memory, i);
            driver.receive.descriptor(i, iovas[i], PAGE, FLAG_WRITE, 0);
            driver.receive.offer(i);
        }
        driver.driver.publish(NicDriver.RECEIVE, 0);
        return iovas;
    }

    private static long map(NicDriver driver, DmaMemory memory, int page) {
        return driver.driver.dma.map(
                memory.physicalAddress() + (long) page * PAGE, PAGE, DmaDirection.FROM_DEVICE);
    }

    /**
     * What is retried is not lost, and every frame is the one that was sent: from a buffer that is
     * mapped for it, into one that is mapped for it.
     */
    @Test
    void shouldSendBackEveryFrameAsItWasThroughMappingsOfItsOwn() throws Exception {
        int buffers = 32;
        int frames = 2000;
        peer.tell("set fwd io retry");
        peer.tell("set burst tx delay 10 retry 50000");
        try (var driver = fed();
                var memory = driver.driver.dma.allocate((buffers + 1) * PAGE)) {
            peer.forward();
            var iovas = supply(driver, memory, buffers);
            long seed = 4711;
            var random = new Random(seed);
            for (int i = 0; i < frames; i++) {
                int length = i % 2 == 0 ? 64 : 60 + random.nextInt(1455);
                var frame = NicDriver.frame(THEIRS, OURS, length, i);
                sendMapped(driver, memory, buffers, frame);
                int head = driver.receive.takenHead;
                var page = memory.memory().asSlice((long) head * PAGE, PAGE);
                assertThat(driver.receive.takenLength).isEqualTo(HEADER + length);
                driver.driver.dma.unmap(iovas[head], PAGE);
                assertThat(page.asSlice(HEADER, length).toArray(ValueLayout.JAVA_BYTE))
                        .as("seed %d frame %d", seed, i)
                        .isEqualTo(frame);
                iovas[head] = map(driver, memory, head);
                driver.receive.descriptor(head, iovas[head], PAGE, FLAG_WRITE, 0);
                driver.supplyAgain(head);
            }
            assertThat(peer.stop()).isEqualTo(new TestpmdBackEnd.Counts(frames, frames, 0));
            driver.driver.frontEnd.stopVring(NicDriver.RECEIVE);
            for (long iova : iovas) {
                driver.driver.dma.unmap(iova, PAGE);
            }
            assertThat(driver.driver.domain.statistics().faultsDelivered()).isZero();
        }
    }

    /** Sends a frame from a page that is mapped for as long, and waits till it is back. */
    private static void sendMapped(NicDriver driver, DmaMemory memory, int page, byte[] frame) {
        var dma = driver.driver.dma;
        var bytes = memory.memory().asSlice((long) page * PAGE, PAGE);
        bytes.asSlice(0, HEADER).fill((byte) 0);
        MemorySegment.copy(frame, 0, bytes, ValueLayout.JAVA_BYTE, HEADER, frame.length);
        long iova =
                dma.map(
                        memory.physicalAddress() + (long) page * PAGE,
                        PAGE,
                        DmaDirection.TO_DEVICE);
        int before = driver.transmit.availableIndex;
        int head = before % TestDriver.ENTRIES;
        driver.transmit.descriptor(head, iova, HEADER + frame.length, 0, 0);
        driver.transmit.offer(head);
        driver.driver.publish(NicDriver.TRANSMIT, before);
        driver.driver.awaitUsed(NicDriver.TRANSMIT);
        dma.unmap(iova, PAGE);
        driver.driver.awaitUsed(NicDriver.RECEIVE);
    }

    @Test
    void shouldStopWhenTheMappingsGoWhileFramesFlow() throws Exception {
        int buffers = 64;
        int gone = 32;
        int frames = 96;
        try (var driver = fed();
                var memory = driver.driver.dma.allocate(buffers * PAGE)) {
            peer.forward();
            var iovas = supply(driver, memory, buffers);
            var sender =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        for (int i = 0; i < frames; i++) {
                                            driver.send(
                                                    NicDriver.frame(THEIRS, OURS, 1500, i), false);
                                            Thread.yield();
                                        }
                                    });
            driver.driver.awaitUsed(NicDriver.RECEIVE);
            for (int i = buffers - 1; i >= gone; i--) {
                // Back from here, the device has said that it knows it no more.
                driver.driver.dma.unmap(iovas[i], PAGE);
                memory.memory().asSlice((long) i * PAGE, PAGE).fill(CANARY);
            }
            sender.join();
            Await.until("all frames taken", () -> driver.room() == TestDriver.ENTRIES / 2);
            var counts = peer.stop();
            assertThat(counts.received()).isEqualTo(frames);
            // At a miss it drops what is left of its burst: how many come depends on the moment.
            assertThat(counts.sent()).isBetween(1L, frames - 1L);
            assertThat(counts.dropped()).isEqualTo(frames - counts.sent());
            assertThat(
                            driver.driver.domain.statistics().faultsDelivered()
                                    + driver.driver.domain.statistics().counters().misses())
                    .as("it asked, in vain")
                    .isPositive();
            for (int i = gone; i < buffers; i++) {
                assertThat(page(memory, i)).as("buffer %d", i).containsOnly(CANARY);
            }
            for (int i = 0; i < Math.min(gone, counts.sent()); i++) {
                assertThat(Arrays.copyOfRange(page(memory, i), HEADER, HEADER + 12))
                        .as("what stayed mapped is used as ever, buffer %d", i)
                        .isEqualTo(Arrays.copyOf(NicDriver.frame(THEIRS, OURS, 60, i), 12));
            }
            driver.driver.frontEnd.stopVring(NicDriver.RECEIVE);
            for (int i = 0; i < gone; i++) {
                driver.driver.dma.unmap(iovas[i], PAGE);
            }
        }
    }

    private static byte[] page(DmaMemory memory, int page) {
        return memory.memory().asSlice((long) page * PAGE, PAGE).toArray(ValueLayout.JAVA_BYTE);
    }

    /**
     * Why frames were lost in an echo: what DPDK has taken and cannot put into a buffer, since it
     * has to ask for the buffer first, it gives back to its caller, and testpmd throws it away.
     */
    @Test
    void shouldLoseAFrameForWhoseBufferItHasToAsk() throws Exception {
        var misses = new ArrayList<Long>();
        var listener =
                new BackEndChannel.Listener() {
                    @Override
                    public boolean iotlbMissed(long iova, int access) {
                        misses.add(iova);
                        return true;
                    }

                    @Override
                    public void accessFailed(long iova, int access) {
                        throw new AssertionError("fault at 0x%x".formatted(iova));
                    }
                };
        try (var driver = TestDriver.openAsked(peer.socket).wantingAll()) {
            driver.negotiate(~KEPT);
            try (var channel = driver.frontEnd.openBackEndChannel(listener)) {
                // Rings and all that is sent are known, buffers to receive are not.
                long first = driver.block.iova();
                long rings = 2 * TestRing.bytes(TestDriver.ENTRIES);
                long receive = first + rings;
                long transmit = receive + (long) TestDriver.ENTRIES * NicDriver.BUFFER_BYTES;
                driver.startQueue(0, TestDriver.ENTRIES);
                driver.startQueue(1, TestDriver.ENTRIES);
                // It keeps translations for each queue, and forgets those of queues it has not met.
                give(driver, first, rings, Access.READ_WRITE);
                give(driver, transmit, first + TestDriver.BLOCK_BYTES - transmit, Access.READ);
                var nic = NicDriver.of(driver).supply(8);
                peer.forward();
                nic.send(NicDriver.frame(THEIRS, OURS, 64, 1), false);
                Await.until("a question", () -> channel.onReadable() && misses.contains(receive));
                Await.until("the frame to be taken", () -> nic.room() == TestDriver.ENTRIES / 2);
                give(driver, receive, transmit - receive, Access.READ_WRITE);
                var second = NicDriver.frame(THEIRS, OURS, 64, 2);
                nic.send(second, false);
                assertThat(nic.next()).as("the first is not").isEqualTo(second);
                assertThat(peer.stop()).isEqualTo(new TestpmdBackEnd.Counts(2, 1, 1));
            }
        }
    }

    private static void give(TestDriver driver, long iova, long lengthBytes, int access) {
        driver.frontEnd.updateIotlb(iova, lengthBytes, iova + USER, access);
    }
}

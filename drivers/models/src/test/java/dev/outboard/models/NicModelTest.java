package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaDirection;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of frames. */
class NicModelTest extends NicFixture {
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldCarryFramesBetweenTwoPorts(boolean translated) {
        startModel(2, translated);
        var a = driver(0, translated).supply(8);
        var b = driver(1, translated).supply(8);
        var there = NicDriver.frame(B, A, 60, 1);
        a.send(there, false);
        assertThat(b.next()).isEqualTo(there);
        var back = NicDriver.frame(A, B, 1514, 2);
        b.send(back, true);
        assertThat(a.next()).isEqualTo(back);

        Await.until("counters", () -> port(0).receivedFrames() == 1);
        assertThat(port(0).sentFrames()).isEqualTo(1);
        assertThat(port(0).sentBytes()).isEqualTo(60);
        assertThat(port(0).receivedBytes()).isEqualTo(1514);
        assertThat(model.statistics().forwardedFrames()).isEqualTo(2);
    }

    @Test
    void shouldFloodUntilItHasLearned() {
        startModel(3, false);
        var a = driver(0, false).supply(8);
        var b = driver(1, false).supply(8);
        var c = driver(2, false).supply(8);
        var unknown = NicDriver.frame(B, A, 60, 1);
        a.send(unknown, false);
        assertThat(b.next()).isEqualTo(unknown);
        assertThat(c.next()).isEqualTo(unknown);
        b.send(NicDriver.frame(A, B, 60, 2), false);
        a.next();
        // Both are known now: the third port sees only what is for all.
        a.send(NicDriver.frame(B, A, 60, 3), false);
        b.next();
        var toAll = NicDriver.frame(ALL, A, 60, 4);
        a.send(toAll, true);
        assertThat(b.next()).isEqualTo(toAll);
        assertThat(c.next()).isEqualTo(toAll);
        assertThat(c.poll()).isNull();
    }

    @Test
    void shouldForgetWhatWasBehindAPortWhoseDriverLeft() {
        startModel(3, false);
        var a = driver(0, false).supply(8);
        var b = driver(1, false).supply(8);
        var c = driver(2, false).supply(8);
        b.send(NicDriver.frame(A, B, 60, 1), false);
        a.next();
        c.next();
        b.driver.hangUp();
        Await.until("the hang-up", () -> !port(1).connected());
        var again = NicDriver.frame(B, A, 60, 2);
        a.send(again, false);
        assertThat(c.next()).isEqualTo(again);
    }

    @Test
    void shouldDropFramesForNobodyAndForTheirSender() {
        startModel(2, false);
        var a = driver(0, false).supply(4);
        a.send(NicDriver.frame(B, A, 60, 1), false);
        a.send(NicDriver.frame(A, A, 60, 2), false);
        Await.until("two drops", () -> port(0).droppedNowhere() == 2);
        assertThat(a.poll()).isNull();
    }

    @Test
    void shouldDropWhatIsNoFrame() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(8);
        a.send(new byte[13], false);
        a.send(new byte[1519], false);
        // A frame that asks for offloads, which were not negotiated.
        var ring = a.transmit;
        long at = a.transmitBuffers + 200L * NicDriver.BUFFER_BYTES;
        a.driver.bytes(at, 1).set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        ring.descriptor(200, at, 100, 0, 0);
        ring.offer(200);
        a.driver.publish(NicDriver.TRANSMIT, ring.availableIndex - 1 & 0xffff);
        var good = NicDriver.frame(B, A, 1518, 1);
        a.send(good, false);
        assertThat(b.next()).isEqualTo(good);
        assertThat(port(0).droppedMalformed()).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldLoseNothingBetweenWellBehavedDrivers(boolean translated) throws Exception {
        startModel(2, translated, 5_000_000_000L);
        var a = driver(0, translated);
        var b = driver(1, translated).supply(16);
        int frames = 20_000;
        long seed = 7;
        var lengths = new Random(seed);
        var sender =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    for (int i = 0; i < frames; i++) {
                                        int length = 60 + lengths.nextInt(1455);
                                        a.send(NicDriver.frame(B, A, length, i), i % 3 == 0);
                                    }
                                });
        var expected = new Random(seed);
        for (int i = 0; i < frames; i++) {
            int length = 60 + expected.nextInt(1455);
            assertThat(b.next()).as("frame %d", i).isEqualTo(NicDriver.frame(B, A, length, i));
        }
        sender.join();
        assertThat(port(1).droppedNoBuffer()).isZero();
    }

    @Test
    void shouldNotLetADeadReceiverStallTheOthers() {
        startModel(3, false, 50_000_000);
        var a = driver(0, false).supply(8);
        // It is known, it runs, and it never has a buffer.
        var dead = driver(1, false);
        var c = driver(2, false).supply(64);
        dead.send(NicDriver.frame(ALL, B, 60, 0), false);
        a.next();
        c.next();
        c.send(NicDriver.frame(A, C, 60, 0), false);
        a.next();
        long dropped = port(1).droppedNoBuffer();
        long before = System.nanoTime();
        for (int i = 0; i < 50; i++) {
            a.send(NicDriver.frame(B, A, 60, i), false);
        }
        var behind = NicDriver.frame(C, A, 60, 99);
        a.send(behind, false);
        assertThat(c.next()).isEqualTo(behind);
        long took = System.nanoTime() - before;
        assertThat(took).isLessThan(2_000_000_000L);
        assertThat(port(1).droppedNoBuffer()).isEqualTo(dropped + 50);
        assertThat(port(1).waits()).isEqualTo(1);
    }

    @Test
    void shouldCarryOnAsSoonAsAReceiverHasBuffers() {
        startModel(2, false, 60_000_000_000L);
        var a = driver(0, false);
        var b = driver(1, false);
        var frame = NicDriver.frame(B, A, 60, 1);
        a.send(frame, false);
        Await.until("the sender to wait", () -> port(1).waits() == 1);
        assertThat(port(0).sentFrames()).isZero();
        b.supply(1);
        assertThat(b.next()).isEqualTo(frame);
    }

    @Test
    void shouldReturnABufferThatCanHoldNoFrame() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false);
        int small = 255;
        b.receive.descriptor(small, b.transmitBuffers, 20, 2, 0);
        b.receive.offer(small);
        b.driver.publish(NicDriver.RECEIVE, 0);
        b.supply(4);
        var frame = NicDriver.frame(B, A, 60, 1);
        a.send(frame, false);
        Await.until("the empty buffer", b.receive::take);
        assertThat(b.receive.takenHead).isEqualTo(small);
        assertThat(b.receive.takenLength).isZero();
        assertThat(b.next()).isEqualTo(frame);
        assertThat(port(1).droppedTooLong()).isEqualTo(1);
    }

    @Test
    void shouldWriteAFrameAcrossSeveralBuffers() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false);
        long at = b.transmitBuffers;
        b.receive.descriptor(0, at, 5, 3, 1);
        b.receive.descriptor(1, at + 5, 30, 3, 2);
        b.receive.descriptor(2, at + 35, 1600, 2, 0);
        b.receive.offer(0);
        b.driver.publish(NicDriver.RECEIVE, 0);
        var frame = NicDriver.frame(B, A, 1000, 3);
        a.send(frame, true);
        Await.until("the frame", b.receive::take);
        assertThat(b.receive.takenLength).isEqualTo(1012);
        byte[] bytes = b.driver.bytes(at, 1012).toArray(ValueLayout.JAVA_BYTE);
        assertThat(bytes).startsWith(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0).endsWith(frame);
    }

    @Test
    void shouldWorkForADriverWithoutEventIndexAndIndirectTables() {
        startModel(2, false);
        long refused = VirtioFeatures.RING_EVENT_IDX | VirtioFeatures.RING_INDIRECT_DESC;
        var a = opened(NicDriver.start(TestDriver.open(socket(0)), refused));
        var b = driver(1, false).supply(8);
        for (int i = 0; i < 100; i++) {
            var frame = NicDriver.frame(B, A, 60, i);
            a.send(frame, false);
            a.driver.kicks.get(1).signal();
            assertThat(b.next()).isEqualTo(frame);
        }
    }

    @Test
    void shouldEndOnlyTheSessionThatBreaksItsRing() {
        startModel(3, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(8);
        var hostile = driver(2, false);
        hostile.transmit.index(5000);
        hostile.driver.kicks.get(1).signal();
        Await.until("the end of the session", () -> port(2).disconnections() == 1);
        assertThat(port(2).lastReason())
                .contains("queue 1")
                .contains("available index jumped from 0 to 5000");
        var frame = NicDriver.frame(B, A, 60, 1);
        a.send(frame, false);
        assertThat(b.next()).isEqualTo(frame);
        assertThat(port(0).disconnections() + port(1).disconnections()).isZero();
    }

    @Test
    void shouldEndTheSessionOfAReceiverThatBreaksItsRingAndServeTheSender() {
        startModel(3, false);
        var a = driver(0, false);
        var hostile = driver(1, false);
        var c = driver(2, false).supply(8);
        // A loop in the receive ring, found while a frame of another driver is in hand.
        hostile.receive.descriptor(0, hostile.transmitBuffers, 10, 3, 0);
        hostile.receive.offer(0);
        hostile.receive.publish(false, 0);
        var frame = NicDriver.frame(ALL, A, 60, 1);
        a.send(frame, false);
        assertThat(c.next()).isEqualTo(frame);
        Await.until("the end of the session", () -> port(1).disconnections() == 1);
        assertThat(port(1).lastReason()).contains("queue 0").contains("loop");
        Await.until("the completion", () -> a.room() == TestDriver.ENTRIES / 2);
    }

    @Test
    void shouldDropAFrameThatTheDeviceMayNotRead() {
        startModel(2, true);
        var a = driver(0, true);
        var b = driver(1, true).supply(8);
        var pages = a.driver.dma.allocate(4096);
        long iova = a.driver.dma.map(pages.physicalAddress(), 4096, DmaDirection.FROM_DEVICE);
        a.transmit.descriptor(250, iova, 100, 0, 0);
        a.transmit.offer(250);
        a.driver.publish(NicDriver.TRANSMIT, a.transmit.availableIndex - 1 & 0xffff);
        var good = NicDriver.frame(B, A, 60, 1);
        a.send(good, false);
        assertThat(b.next()).isEqualTo(good);
        assertThat(port(0).faults()).isEqualTo(1);
        Await.until(
                "the fault at the owner",
                () -> a.driver.domain.statistics().counters().faults() == 1);
        a.driver.dma.unmap(iova, 4096);
        pages.close();
    }

    @Test
    void shouldReturnABufferThatTheDeviceMayNotWriteEmpty() {
        startModel(2, true);
        var a = driver(0, true);
        var b = driver(1, true);
        var pages = b.driver.dma.allocate(4096);
        long iova = b.driver.dma.map(pages.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
        b.receive.descriptor(200, iova, 2048, 2, 0);
        b.receive.offer(200);
        b.driver.publish(NicDriver.RECEIVE, 0);
        b.supply(4);
        a.send(NicDriver.frame(B, A, 60, 1), false);
        Await.until("the empty buffer", b.receive::take);
        assertThat(b.receive.takenHead).isEqualTo(200);
        assertThat(b.receive.takenLength).isZero();
        assertThat(pages.memory().asByteBuffer().getLong(0)).isZero();
        var next = NicDriver.frame(B, A, 60, 2);
        a.send(next, false);
        assertThat(b.next()).isEqualTo(next);
        assertThat(port(1).faults()).isEqualTo(1);
        b.driver.dma.unmap(iova, 4096);
        pages.close();
    }

    @Test
    void shouldEndTheSessionWhoseRingWasUnmapped() {
        startModel(2, true);
        var a = driver(0, true);
        a.driver.block.close();
        a.driver.kicks.get(1).signal();
        Await.until("the end of the session", () -> port(0).disconnections() == 1);
        assertThat(port(0).lastReason()).contains("DMA fault on the available ring");
    }

    @Test
    void shouldSpareADriverWithoutEventIndexTheDoorbellOfItsBuffers() {
        startModel(2, false);
        var a = driver(0, false);
        var driver = TestDriver.open(socket(1));
        var b = opened(NicDriver.start(driver, VirtioFeatures.RING_EVENT_IDX)).supply(8);
        for (int i = 0; i < 20; i++) {
            a.send(NicDriver.frame(B, A, 60, i), false);
            b.next();
        }
        assertThat(b.receive.usedFlags()).isEqualTo(VirtqueueDescriptor.USED_NO_NOTIFY);
        // Out of buffers: now it wants to be told.
        for (int i = 0; i < 9; i++) {
            a.send(NicDriver.frame(B, A, 60, i), false);
        }
        Await.until("the wish for a doorbell", () -> b.receive.usedFlags() == 0);
        b.supplyAgain(0);
        driver.kicks.get(NicDriver.RECEIVE).signal();
        Await.until("the last frame", () -> port(1).receivedFrames() == 29);
    }

    @Test
    void shouldSleepWhileThereIsNothingToDo() throws InterruptedException {
        startModel(3, false);
        var a = driver(0, false).supply(4);
        var b = driver(1, false);
        var c = driver(2, false).supply(4);
        // Nobody waits for the port that had no buffer, and now it has some.
        a.send(NicDriver.frame(ALL, A, 60, 1), false);
        c.next();
        Await.until("the drop", () -> port(1).droppedNoBuffer() == 1);
        b.supply(4);
        assertThat(LoopThread.busyMillis("nic", 400)).isLessThan(100);
        assertThat(a.poll()).isNull();
    }
}

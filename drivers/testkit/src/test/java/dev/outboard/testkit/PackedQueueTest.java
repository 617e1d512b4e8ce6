package dev.outboard.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.RingFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PackedQueueTest {
    private static final int ENTRIES = 8;
    private static final int TELL_AT =
            PackedRingDescriptor.EVENT_DESCRIPTOR << PackedRingDescriptor.EVENT_FLAGS_SHIFT;
    private static final int TELL_NEVER =
            PackedRingDescriptor.EVENT_DISABLE << PackedRingDescriptor.EVENT_FLAGS_SHIFT;

    private TestRing ring;
    private DriverQueue queue;
    private PackedPeer device;

    @AfterEach
    void close() {
        if (ring != null) {
            ring.close();
        }
    }

    private void queue(boolean inOrder, boolean eventIndex) {
        ring = new TestRing(ENTRIES, new RingFormat(true, inOrder, eventIndex, false), 3);
        queue = ring.queue();
        device = ring.packed();
    }

    private void add(int chains) {
        for (int i = 0; i < chains; i++) {
            queue.add(0x1000, 64, true, i);
        }
    }

    /** Goes on by so many chains of one descriptor, there and back. */
    private void turn(int chains) {
        for (int i = 0; i < chains; i++) {
            add(1);
            queue.publish();
            device.complete(device.next(), 0);
            assertThat(queue.completed()).isEqualTo(1);
            queue.take();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5, 7, 8, 13})
    void shouldShowNothingOfABatchBeforeAllOfIt(int turns) {
        queue(false, true);
        turn(turns);
        add(4);
        assertThat(device.hasNext()).isFalse();

        queue.publish();

        for (int i = 0; i < 4; i++) {
            assertThat(device.hasNext()).isTrue();
            assertThat(device.next().parts()).hasSize(1);
        }
        assertThat(device.hasNext()).as("of the lap before").isFalse();
    }

    @Test
    void shouldNotTakeForUsedWhatWasUsedALapAgo() {
        queue(false, true);
        turn(ENTRIES);
        add(ENTRIES);
        assertThat(queue.completed()).isZero();
        queue.publish();
        assertThat(queue.completed()).isZero();
        turnBack(ENTRIES);
        add(1);
        queue.publish();
        assertThat(queue.completed()).isZero();
    }

    private void turnBack(int chains) {
        for (int i = 0; i < chains; i++) {
            device.complete(device.next(), 0);
        }
        assertThat(queue.completed()).isEqualTo(chains);
        for (int i = 0; i < chains; i++) {
            queue.take();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0,0,false", "0,1,false", "0,2,true", "3,4,false", "3,5,true", "5,7,true",
        "6,8,true", "7,9,true", "7,10,false", "8,10,true", "13,15,true", "14,16,true"
    })
    void shouldRingExactlyWhenTheNamedDescriptorIsAmongTheNew(
            int turns, int wanted, boolean isWanted) {
        queue(false, true);
        turn(turns);
        int wrap = wanted / ENTRIES % 2 == 0 ? PackedRingDescriptor.WRAP : 0;
        device.want(TELL_AT | wrap | wanted % ENTRIES);
        add(2);
        queue.publish();
        add(1);
        assertThat(queue.publish()).isEqualTo(isWanted);
        assertThat(queue.publish()).as("nothing new").isFalse();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldRingUnlessTheDeviceForbidsIt(boolean eventIndex) {
        queue(false, eventIndex);
        add(1);
        assertThat(queue.publish()).isTrue();
        device.want(TELL_NEVER);
        add(1);
        assertThat(queue.publish()).isFalse();
        device.want(0);
        add(1);
        assertThat(queue.publish()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 6, 7, 8, 11, 15, 16})
    void shouldAskToBeToldOfTheLastOfABatch(int turns) {
        queue(false, true);
        turn(turns);
        add(5);
        queue.publish();
        queue.wakeAfter(3);
        assertThat(queue.unmask()).isFalse();
        int wanted = turns + 2;
        int wrap = wanted / ENTRIES % 2 == 0 ? PackedRingDescriptor.WRAP : 0;
        assertThat(device.driverEvent()).isEqualTo(TELL_AT | wrap | wanted % ENTRIES);
        device.complete(device.next(), 0);
        device.complete(device.next(), 0);
        assertThat(queue.isPending()).isFalse();
        device.complete(device.next(), 0);
        assertThat(queue.isPending()).isTrue();
        assertThat(queue.unmask()).isTrue();
        queue.mask();
        assertThat(device.driverEvent()).isEqualTo(TELL_NEVER);
    }

    @Test
    void shouldWaitForDescriptorsAsTheDevicePassesThem() {
        queue(false, true);
        for (int i = 0; i < 2; i++) {
            queue.part(0x1000, 1, false);
            queue.part(0x2000, 1, false);
            queue.part(0x3000, 1, true);
            queue.add(i);
        }
        queue.publish();
        queue.wakeAfter(2);
        device.complete(device.next(), 1);
        // The device is past the second descriptor, and will not tell of it again.
        assertThat(queue.unmask()).isTrue();
    }

    @Test
    void shouldNotSleepOnMoreThanItLooksAtInOneGo() {
        int entries = 128;
        ring = new TestRing(entries, new RingFormat(true, true, true, false), 1);
        queue = ring.queue();
        device = ring.packed();
        add(entries);
        queue.publish();
        for (int i = 0; i < entries; i++) {
            device.complete(device.next(), 1);
        }

        assertThat(queue.completed()).isBetween(1, entries - 1);
        queue.wakeAfter(entries);
        assertThat(queue.unmask()).isTrue();
        for (int i = 0; i < entries; i++) {
            assertThat(queue.completed()).isPositive();
            assertThat(queue.take()).isEqualTo(i);
        }
        assertThat(queue.completed()).isZero();
    }

    @Test
    void shouldBeToldOfEverythingWithoutEventIndex() {
        queue(false, false);
        assertThat(device.driverEvent()).isEqualTo(TELL_NEVER);
        add(1);
        queue.publish();
        assertThat(queue.unmask()).isFalse();
        assertThat(device.driverEvent()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"false,1", "false,7", "false,8", "false,65535", "true,1", "true,7", "true,8"})
    void shouldRejectAChainThatIsNotInFlight(boolean inOrder, int number) {
        queue(inOrder, true);
        add(1);
        queue.publish();
        device.complete(number, 0, 1);
        assertThat(queue.isPending()).as("who waits is to hear of it").isTrue();
        assertThatThrownBy(queue::completed)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("not in flight")
                .hasMessageContaining("test");
    }

    @Test
    void shouldRejectAChainOfABatchThatWasNotShown() {
        queue(true, true);
        add(2);
        queue.publish();
        add(1);
        device.complete(2, 0, 1);
        assertThatThrownBy(queue::completed).isInstanceOf(DeviceException.class);
    }

    @Test
    void shouldRejectAChainReturnedTwice() {
        queue(false, true);
        add(2);
        queue.publish();
        int number = device.next().number();
        device.complete(number, 0, 1);
        device.complete(number, 0, 1);
        assertThat(queue.completed()).as("the first is right").isEqualTo(1);
        queue.take();
        assertThatThrownBy(queue::completed).isInstanceOf(DeviceException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {65, -1, Integer.MIN_VALUE})
    void shouldRejectMoreWrittenThanThereWasRoom(int written) {
        queue(false, true);
        add(1);
        queue.publish();
        device.complete(device.next(), written);
        assertThatThrownBy(queue::completed)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("bytes written into 64");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldNotBelieveALengthWhereNothingCouldBeWritten(boolean inOrder) {
        queue(inOrder, true);
        queue.add(0x1000, 64, false, 7);
        queue.publish();
        // DPDK leaves the driver's own length there.
        device.complete(device.next(), 64);
        assertThat(queue.completed()).isEqualTo(1);
        assertThat(queue.take()).isEqualTo(7);
        assertThat(queue.takenLength()).isZero();
    }

    @Test
    void shouldIgnoreDescriptorsMarkedUsedThatItNeverGave() {
        queue(false, true);
        device.complete(0, 0, 1);
        assertThat(queue.completed()).isZero();
        assertThat(queue.isPending()).isFalse();
    }

    @Test
    void shouldRefuseAChainWithoutRoom() {
        queue(false, true);
        add(ENTRIES - 1);
        queue.part(0x1000, 1, false);
        queue.part(0x1000, 1, false);
        assertThat(queue.hasRoom(2)).isFalse();
        assertThatThrownBy(() -> queue.add(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("full");
        assertThat(queue.outstanding()).isEqualTo(ENTRIES - 1);
    }

    @Test
    void shouldRefuseToTakeWhatIsNotFinished() {
        queue(false, true);
        add(1);
        queue.publish();
        assertThatThrownBy(queue::take).isInstanceOf(IllegalStateException.class);
    }
}

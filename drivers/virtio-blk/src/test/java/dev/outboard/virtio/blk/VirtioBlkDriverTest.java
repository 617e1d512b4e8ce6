package dev.outboard.virtio.blk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VirtioBlkDriverTest {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.BLK_SEG_MAX
                    | VirtioFeatures.BLK_BLK_SIZE
                    | VirtioFeatures.BLK_FLUSH;

    private static final int SECTORS = 2048;
    private static final long MEMORY_BYTES = 65536;

    private FakeDevice device;
    private BlockService disk;
    private DmaMemory memory;

    private static byte[] config(long sectors, int segmentBytes, int blockBytes) {
        var bytes = new byte[BlockDescriptor.CONFIG_BYTES];
        var space = MemorySegment.ofArray(bytes);
        space.set(VirtqueueDescriptor.U64.withByteAlignment(1), 0, sectors);
        var int32 = VirtqueueDescriptor.U32.withByteAlignment(1);
        space.set(int32, BlockDescriptor.CONFIG_SIZE_MAX_OFFSET, segmentBytes);
        space.set(int32, BlockDescriptor.CONFIG_SEG_MAX_OFFSET, 126);
        space.set(int32, BlockDescriptor.CONFIG_BLK_SIZE_OFFSET, blockBytes);
        return bytes;
    }

    private void start(long features, byte[] config) {
        device = new FakeDevice(features, config, 1);
        disk = (BlockService) new VirtioBlkDriver().start(device);
        memory = device.dma().allocate(MEMORY_BYTES);
    }

    private void start() {
        start(FEATURES, config(SECTORS, 0, 512));
    }

    @AfterEach
    void close() {
        if (disk != null) {
            disk.close();
            memory.close();
        }
        if (device != null) {
            device.close();
        }
    }

    private record Completion(long tag, int status) {}

    private List<Completion> poll() {
        var found = new ArrayList<Completion>();
        disk.queue(0).poll((tag, status) -> found.add(new Completion(tag, status)), 64);
        return found;
    }

    private RingPeer.Chain next() {
        disk.queue(0).submit();
        return device.ring(0).next();
    }

    private void setStatus(RingPeer.Chain chain, int status) {
        segment().set(ValueLayout.JAVA_BYTE, at(chain.parts().getLast()), (byte) status);
    }

    private MemorySegment segment() {
        return device.physical().segments().getFirst().memory();
    }

    private long at(RingPeer.Part part) {
        return part.iova() - device.physical().segments().getFirst().physicalAddress();
    }

    @Test
    void shouldReadTheDiskFromTheConfiguration() {
        start(FEATURES | VirtioFeatures.BLK_RO, config(SECTORS, 0, 4096));
        assertThat(disk.capacityBytes()).isEqualTo(SECTORS * 512L);
        assertThat(disk.blockBytes()).isEqualTo(4096);
        assertThat(disk.isReadOnly()).isTrue();
        assertThat(disk.hasWriteCache()).isTrue();
        assertThat(disk.describe()).contains("1,048,576", "4096", "read-only");
    }

    @Test
    void shouldRefuseADeviceWithoutConfiguration() {
        assertThatThrownBy(() -> start(FEATURES, null))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("is it a network device?");
    }

    @ParameterizedTest
    @CsvSource({"-1,512", "9223372036854775807,512", "8,0", "8,513", "8,256", "8,-512"})
    void shouldRefuseNonsenseInTheConfiguration(long sectors, int blockBytes) {
        assertThatThrownBy(() -> start(FEATURES, config(sectors, 0, blockBytes)))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("claims");
    }

    @Test
    void shouldLayOutARead() {
        start();
        assertThat(disk.queue(0).read(16, memory, 4096, 8192, 99)).isTrue();
        var chain = next();
        assertThat(chain.parts())
                .extracting(RingPeer.Part::lengthBytes)
                .containsExactly(16, 8192, 1);
        assertThat(chain.parts())
                .extracting(RingPeer.Part::writable)
                .containsExactly(false, true, true);
        long header = at(chain.parts().getFirst());
        assertThat(segment().get(VirtqueueDescriptor.U32, header))
                .isEqualTo(BlockDescriptor.TYPE_IN);
        assertThat(segment().get(VirtqueueDescriptor.U64, header + 8)).isEqualTo(16);
        assertThat(chain.parts().get(1).iova()).isEqualTo(memory.physicalAddress() + 4096);
    }

    @ParameterizedTest
    @ValueSource(ints = {BlockStatus.OK, BlockStatus.IO_ERROR, BlockStatus.UNSUPPORTED, 77})
    void shouldTellTheStatusThatTheDeviceWrote(int status) {
        start();
        disk.queue(0).write(0, memory, 0, 512, 5);
        var chain = next();
        setStatus(chain, status);
        device.ring(0).complete(chain.head(), 1);
        assertThat(poll()).containsExactly(new Completion(5, status));
        assertThat(device.dma().statistics().liveMappings()).isLessThanOrEqualTo(2);
    }

    @Test
    void shouldNotTakeAStatusForDoneThatNobodyWrote() {
        start();
        disk.queue(0).read(0, memory, 0, 512, 5);
        device.ring(0).complete(next().head(), 0);
        assertThat(poll().getFirst().status()).isNotEqualTo(BlockStatus.OK);
    }

    @Test
    void shouldSplitARequestIntoSegmentsTheDeviceTakes() {
        start(FEATURES | VirtioFeatures.BLK_SIZE_MAX, config(SECTORS, 4096, 512));
        disk.queue(0).read(0, memory, 0, 10240, 1);
        assertThat(next().parts())
                .extracting(RingPeer.Part::lengthBytes)
                .containsExactly(16, 4096, 4096, 2048, 1);
    }

    @Test
    void shouldTakeASegmentLimitOfZeroForNone() {
        start(FEATURES | VirtioFeatures.BLK_SIZE_MAX, config(SECTORS, 0, 512));
        assertThat(disk.maximumRequestBytes()).isEqualTo(1 << 20);
    }

    @ParameterizedTest
    @CsvSource({
        "0,0,0",
        "0,0,100",
        "0,0,-512",
        "-1,0,512",
        "2048,0,512",
        "2047,0,1024",
        "9223372036854775807,0,512",
        "36028797018963968,0,512",
        "0,65024,1024",
        "0,-512,512",
        "0,0,2097152"
    })
    void shouldRefuseARangeThatIsNotThere(long sector, long offset, int length) {
        start();
        var queue = disk.queue(0);
        assertThatThrownBy(() -> queue.read(sector, memory, offset, length, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("lengthBytes=" + length);
        assertThat(queue.pending()).isZero();
    }

    @Test
    void shouldRefuseToWriteAReadOnlyDisk() {
        start(FEATURES | VirtioFeatures.BLK_RO, config(SECTORS, 0, 512));
        assertThatThrownBy(() -> disk.queue(0).write(0, memory, 0, 512, 1))
                .hasMessageContaining("read-only");
    }

    @Test
    void shouldFlushThroughTheDevice() {
        start();
        assertThat(disk.queue(0).flush(3)).isTrue();
        var chain = next();
        assertThat(chain.parts()).hasSize(2);
        setStatus(chain, 0);
        device.ring(0).complete(chain.head(), 1);
        assertThat(poll()).containsExactly(new Completion(3, BlockStatus.OK));
    }

    @Test
    void shouldCompleteAFlushAtOnceWithoutAWriteCache() {
        start(FEATURES & ~VirtioFeatures.BLK_FLUSH, config(SECTORS, 0, 512));
        assertThat(disk.queue(0).flush(3)).isTrue();
        assertThat(disk.queue(0).await(0)).isTrue();
        assertThat(poll()).containsExactly(new Completion(3, BlockStatus.OK));
        assertThat(disk.queue(0).pending()).isZero();
    }

    @Test
    void shouldSayWhenNoMoreFits() {
        start();
        var queue = disk.queue(0);
        int taken = fill(queue);
        assertThat(taken).isEqualTo(queue.depth());
        assertThat(queue.free()).isZero();
        assertThat(queue.flush(1)).isFalse();
    }

    private int fill(BlockQueue queue) {
        int taken = 0;
        while (queue.read(taken, memory, 0, 512, taken)) {
            taken++;
        }
        return taken;
    }

    @Test
    void shouldGiveEverythingBackWithRequestsUnderWay() {
        device = new FakeDevice(FEATURES, config(SECTORS, 0, 512), 1);
        long free = device.physical().freeBytes();
        disk = (BlockService) new VirtioBlkDriver().start(device);
        memory = device.dma().allocate(MEMORY_BYTES);
        fill(disk.queue(0));
        disk.queue(0).submit();
        disk.close();
        memory.close();
        assertThat(device.physical().freeBytes()).isEqualTo(free);
        assertThat(device.dma().statistics().liveMappings()).isZero();
    }

    @Test
    void shouldSayThatTheDeviceWentAway() {
        start();
        device.vanish();
        assertThatThrownBy(() -> disk.queue(0).await(1)).isInstanceOf(DeviceLostException.class);
    }
}

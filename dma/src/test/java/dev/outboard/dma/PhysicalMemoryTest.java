package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PhysicalMemoryTest {
    @Test
    void shouldStartAtFourGibibytesAndRoundUpToPages() {
        try (PhysicalMemory memory = PhysicalMemory.create(10_000)) {
            PhysicalSegment segment = memory.segments().getFirst();
            assertThat(segment.physicalAddress()).isEqualTo(1L << 32);
            assertThat(segment.lengthBytes()).isEqualTo(12_288);
            assertThat(memory.freeBytes()).isEqualTo(12_288);
            assertThat(segment.region().userAddress()).isEqualTo(segment.physicalAddress());
        }
    }

    @Test
    void shouldHandOutZeroedContiguousPagesAndTakeThemBack() {
        try (PhysicalMemory memory = PhysicalMemory.create(8 * 4096)) {
            DmaMemory first = memory.allocate(5000);
            assertThat(first.lengthBytes()).isEqualTo(8192);
            first.memory().fill((byte) 0x55);
            first.close();
            first.close();
            assertThat(memory.freeBytes()).isEqualTo(8 * 4096);
            try (DmaMemory all = memory.allocate(8 * 4096)) {
                assertThat(all.memory().get(ValueLayout.JAVA_LONG, 0)).isZero();
                assertThatThrownBy(() -> memory.allocate(1))
                        .isInstanceOf(OutOfDmaMemoryException.class)
                        .hasMessageContaining("freeBytes=0");
            }
            assertThat(memory.freeBytes()).isEqualTo(8 * 4096);
        }
    }

    @Test
    void shouldGivePagesToNobodyWhileADeviceMayReachThem() {
        try (PhysicalMemory memory = PhysicalMemory.create(8 * 4096)) {
            List<ReturnedFrames> held = new ArrayList<>();
            FrameHolder first = frames -> hold(frames, held);
            FrameHolder second = frames -> hold(frames, held);
            FrameHolder careless = frames -> {};
            memory.addHolder(first);
            memory.addHolder(careless);
            memory.addHolder(second);
            DmaMemory all = memory.allocate(8 * 4096);
            all.close();
            all.close();
            assertThat(held).hasSize(2);
            assertThat(held.getFirst().firstFrame()).isEqualTo(all.physicalAddress() >>> 12);
            assertThat(held.getFirst().pages()).isEqualTo(8);
            assertThat(memory.freeBytes()).isZero();
            assertThat(memory.heldBytes()).isEqualTo(8 * 4096);
            assertThatThrownBy(() -> memory.allocate(1))
                    .isInstanceOf(OutOfDmaMemoryException.class)
                    .hasMessageContaining("heldBytes=32768");
            held.getFirst().release();
            assertThat(memory.freeBytes()).as("one holds them still").isZero();
            held.getLast().release();
            assertThat(memory.freeBytes()).isEqualTo(8 * 4096);
            assertThat(memory.heldBytes()).isZero();
            memory.removeHolder(first);
            memory.removeHolder(second);
            memory.allocate(4096).close();
            assertThat(held).hasSize(2);
            assertThat(memory.freeBytes()).isEqualTo(8 * 4096);
        }
    }

    private static void hold(ReturnedFrames frames, List<ReturnedFrames> held) {
        frames.hold();
        held.add(frames);
    }

    @Test
    void shouldGiveEachBufferBytesOfItsOwn() {
        try (PhysicalMemory memory = PhysicalMemory.create(16 * 4096, 16 * 4096)) {
            List<DmaMemory> all = new ArrayList<>();
            for (int index = 0; index < 32; index++) {
                DmaMemory page = memory.allocate(4096);
                page.memory().fill((byte) index);
                all.add(page);
            }
            for (int index = 0; index < 32; index++) {
                assertThat(all.get(index).memory().get(ValueLayout.JAVA_BYTE, 4095))
                        .isEqualTo((byte) index);
                assertThat(memory.contains(all.get(index).physicalAddress(), 4096)).isTrue();
            }
        }
    }

    @Test
    void shouldKnowWhatItContains() {
        try (PhysicalMemory memory = PhysicalMemory.create(4096, 8192)) {
            long first = memory.segments().get(0).physicalAddress();
            long second = memory.segments().get(1).physicalAddress();
            assertThat(second).as("a hole lies between").isEqualTo(first + 8192);
            assertThat(memory.contains(first, 4096)).isTrue();
            assertThat(memory.contains(first, 4097)).isFalse();
            assertThat(memory.contains(first + 4096, 1)).isFalse();
            assertThat(memory.contains(first - 1, 1)).isFalse();
            assertThat(memory.contains(second + 8191, 1)).isTrue();
            assertThat(memory.contains(second + 8191, 2)).isFalse();
            assertThat(memory.contains(first, 0)).isFalse();
            assertThat(memory.contains(first, -1)).isFalse();
            assertThat(memory.contains(first, Long.MIN_VALUE)).isFalse();
            assertThat(memory.contains(first, Long.MAX_VALUE)).isFalse();
            assertThat(memory.contains(Long.MAX_VALUE, Long.MAX_VALUE)).isFalse();
            assertThat(memory.contains(Long.MIN_VALUE, 1)).isFalse();
            assertThat(memory.contains(-1, 4096)).isFalse();
        }
    }

    @Test
    void shouldRefuseLengthsThatCannotBe() {
        assertThatThrownBy(() -> PhysicalMemory.create(0)).hasMessageContaining("lengthBytes=0");
        assertThatThrownBy(() -> PhysicalMemory.create(-1)).hasMessageContaining("lengthBytes=-1");
        assertThatThrownBy(() -> PhysicalMemory.create(Long.MAX_VALUE))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> PhysicalMemory.create(4096, PhysicalMemory.MAX_LENGTH_BYTES))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> PhysicalMemory.create(new long[129]))
                .hasMessageContaining("segments=129");
        try (PhysicalMemory memory = PhysicalMemory.create(4096)) {
            assertThatThrownBy(() -> memory.allocate(0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> memory.allocate(-4096))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void shouldLeaveNoDescriptorOpenAndNoMemoryReachable() {
        PhysicalMemory.create(4096).close();
        int before = Descriptor.openCount();
        PhysicalMemory memory = PhysicalMemory.create(4096, 4096, 4096);
        DmaMemory page = memory.allocate(4096);
        memory.close();
        memory.close();
        assertThat(Descriptor.openCount()).isEqualTo(before);
        assertThatThrownBy(() -> page.memory().get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> memory.allocate(1)).hasMessageContaining("closed");
        assertThatThrownBy(() -> PhysicalMemory.create(4096, -1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }
}

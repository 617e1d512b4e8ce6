package dev.outboard.dma.window;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Unplug;
import dev.outboard.iommu.Access;
import org.junit.jupiter.api.Test;

/** All of a memory as windows, and what comes and goes of it. */
class IdentityWindowsTest {
    private static final int MIB = 1 << 20;

    private static void unplug(PhysicalMemory memory, PhysicalSegment segment) {
        memory.unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.REFUSE);
    }

    @Test
    void shouldMapWhatThereIsAndWhatComesUntilItGoes() {
        try (var holder = new WindowHolder(DomainOptions.DEFAULT, MIB)) {
            var memory = holder.memory();
            var early = memory.plug(2 * MIB, PageKind.BASE);
            try (var identity = new IdentityWindows(memory, holder)) {
                assertThat(holder.windows()).isEqualTo(2);
                long last = early.physicalAddress() + early.lengthBytes() - 1;
                assertThat(holder.reach(last, Access.READ_WRITE)).isEqualTo(last);
                assertThat(holder.reach(last + 1, Access.READ)).isEqualTo(-1);
                var late = memory.plug(2 * MIB, PageKind.BASE);
                assertThat(holder.reach(late.physicalAddress(), Access.WRITE))
                        .isEqualTo(late.physicalAddress());
                unplug(memory, early);
                assertThat(holder.reach(last, Access.READ)).isEqualTo(-1);
                assertThatThrownBy(() -> memory.unplug(late.physicalAddress(), MIB, Unplug.REFUSE))
                        .hasMessageContaining("whole segments");
                assertThat(holder.windows()).isEqualTo(2);
                identity.close();
                assertThat(holder.windows()).isZero();
            }
            memory.plug(2 * MIB, PageKind.BASE);
            assertThat(holder.windows()).isZero();
        }
    }

    @Test
    void shouldMapNothingWhereOnePartIsRefused() {
        try (var holder = new WindowHolder(DomainOptions.DEFAULT, MIB)) {
            var memory = holder.memory();
            var refused = memory.plug(2 * MIB, PageKind.BASE);
            var keeper =
                    new DmaWindows() {
                        @Override
                        public int limit() {
                            return holder.limit;
                        }

                        @Override
                        public void map(
                                long iova,
                                PhysicalSegment segment,
                                long offset,
                                long lengthBytes,
                                int access) {
                            if (segment == refused) {
                                throw new IllegalStateException("no more");
                            }
                            holder.map(iova, segment, offset, lengthBytes, access);
                        }

                        @Override
                        public void unmap(long iova, long lengthBytes) {
                            holder.unmap(iova, lengthBytes);
                        }
                    };
            assertThatThrownBy(() -> new IdentityWindows(memory, keeper)).hasMessage("no more");
            assertThat(holder.windows()).isZero();
            // And it is told of nothing more.
            unplug(memory, refused);
        }
    }
}

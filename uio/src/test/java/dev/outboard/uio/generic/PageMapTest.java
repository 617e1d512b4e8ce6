package dev.outboard.uio.generic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** Words of pagemap, and the kernel's own. */
class PageMapTest {
    @Test
    void shouldReadAWordAsTheKernelWritesIt() {
        assertThat(PageMap.physicalAddress(1L << 63 | 0x12345, 0x7f00_0000_0678L))
                .isEqualTo(0x1234_5678L);
        assertThat(PageMap.physicalAddress(0x83L << 56 | (1L << 55) - 1, 0))
                .as("the bits above the frame are others")
                .isEqualTo((1L << 55) - 1 << 12);
    }

    @Test
    void shouldNameWhatIsMissing() {
        assertThatThrownBy(() -> PageMap.physicalAddress(0x12345, 0x1000))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("touch it first");
        assertThatThrownBy(() -> PageMap.physicalAddress(1L << 63, 0x1000))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("CAP_SYS_ADMIN");
    }

    /** As root it tells where a page is; else it says what that takes. */
    @Test
    void shouldAskTheKernel() {
        try (Arena arena = Arena.ofConfined();
                var map = PageMap.open()) {
            var memory = arena.allocate(8192, 4096);
            memory.fill((byte) 1);
            try {
                assertThat(map.physicalAddress(memory, 5)).isPositive();
                assertThat(map.physicalAddress(memory, 5) & 0xfff).isEqualTo(5);
            } catch (IllegalStateException untold) {
                assertThat(untold).hasMessageContaining("CAP_SYS_ADMIN");
            }
            assertThatThrownBy(() -> map.physicalAddress(memory, 8192))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}

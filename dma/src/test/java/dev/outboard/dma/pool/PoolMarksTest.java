package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PoolMarksTest {
    @ParameterizedTest
    @CsvSource({
        // pages of memory, low mark, high mark, pages at start-up
        "16, 2, 8, 2",
        "512, 64, 256, 64",
        "1024, 128, 512, 128",
        "32768, 128, 512, 128",
        "65536, 256, 1024, 256",
        "131072, 512, 2048, 512",
        "262144, 512, 4096, 1024",
        "524288, 512, 8192, 2048",
        "15728640, 512, 8192, 2048",
    })
    void shouldBeThoseOfOpenBsd(long memoryPages, int low, int high, int startUp) {
        PoolMarks marks = PoolMarks.ofMemory(memoryPages);
        assertThat(marks.low()).isEqualTo(low);
        assertThat(marks.high()).isEqualTo(high);
        assertThat(marks.startUp()).isEqualTo(startUp);
        assertThat(marks.reserve()).isEqualTo(low * 3 / 4).isLessThan(low);
    }

    @Test
    void shouldRefuseMarksOutOfOrder() {
        assertThatThrownBy(() -> new PoolMarks(8, 8, 4, 8))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("low=8 high=8");
        assertThatThrownBy(() -> new PoolMarks(8, 16, 8, 8)).hasMessageContaining("reserve=8");
        assertThatThrownBy(() -> new PoolMarks(8, 16, -1, 8)).hasMessageContaining("reserve=-1");
        assertThatThrownBy(() -> new PoolMarks(8, 16, 4, 17)).hasMessageContaining("startUp=17");
        assertThatThrownBy(() -> new PoolMarks(8, 16, 4, -1)).hasMessageContaining("startUp=-1");
        assertThatThrownBy(() -> new PoolMarks(8, 8193, 4, 8)).hasMessageContaining("high=8193");
        assertThatThrownBy(() -> PoolMarks.ofMemory(15)).hasMessageContaining("memoryPages=15");
        assertThatThrownBy(() -> PoolMarks.ofMemory(-1)).hasMessageContaining("memoryPages=-1");
    }
}

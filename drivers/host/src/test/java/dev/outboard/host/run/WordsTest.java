package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.host.cli.Sizes;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WordsTest {
    @ParameterizedTest
    @CsvSource({"0, 0", "4096, 4096", "64K, 65536", "64M, 67108864", "2g, 2147483648"})
    void shouldReadSizes(String text, long bytes) {
        assertThat(Sizes.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "M", "-1", "1.5G", "64MB", "64 M", "0x40", "1T"})
    void shouldRefuseWhatIsNoSize(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Sizes.parse(text))
                .withMessageContaining("'" + text + "' is no size");
    }

    @Test
    void shouldRefuseASizeThatDoesNotFit() {
        assertThatThrownBy(() -> Sizes.parse("999999999999G"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("999999999999G");
    }

    @Test
    void shouldReadTheShapeOfAnIotlb() {
        assertThat(Words.iotlb("64x4:lru")).isEqualTo(new IotlbGeometry(64, 4, Replacement.LRU));
        assertThat(Words.iotlb("1x32:random"))
                .isEqualTo(new IotlbGeometry(1, 32, Replacement.RANDOM));
        assertThat(Words.iotlb("8x1")).isEqualTo(new IotlbGeometry(8, 1, Replacement.LRU));
        assertThat(Words.iotlb("64x4:plru,ats=16,prefetch=3"))
                .isEqualTo(new IotlbGeometry(64, 4, Replacement.PLRU, 8, 16, 3));
        assertThat(Words.iotlb("2x2,superpages=0"))
                .isEqualTo(new IotlbGeometry(2, 2, Replacement.LRU, 0, 0, 0));
        for (String text : new String[] {"64x4:lru", "4x8:plru,superpages=1,ats=4,prefetch=2"}) {
            assertThat(Words.iotlb(text)).hasToString(text);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "64",
                "x",
                "64x",
                "64x4:",
                "64x4:LRU!",
                "3x4:lru",
                "64x4:mru",
                "64x3:plru",
                "64x4,ats=3",
                "64x4,ats=",
                "64x4,ats=4,ats=4",
                "64x4,pages=3",
                "64x4,prefetch=33",
                "1x2,prefetch=2",
                "64x4,superpages=65",
                "64x4,ats=-4",
                "64x4,",
                "64x4,ats=4,",
                ",ats=4"
            })
    void shouldRefuseWhatIsNoIotlb(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Words.iotlb(text));
    }
}

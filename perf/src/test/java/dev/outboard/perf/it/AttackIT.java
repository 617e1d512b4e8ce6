package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A hostile device in a process of its own, against each strategy; a million is for the command.
 */
@Timeout(180)
class AttackIT extends ProcessTest {
    private static final String MAPPINGS = "50000";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "strict",
                "deferred",
                "batched",
                "cached",
                "preallocated",
                "never-free",
                "granted",
                "copied"
            })
    void shouldKeepWhatTheStrategyPromises(String strategy) {
        var before = outboardProcesses();
        var attack = run("attack", "--strategy", strategy, "--mappings", MAPPINGS, "--json");
        var result = result(attack);
        assertThat(attack.exitCode()).as(result.toString()).isZero();
        assertThat(result.flag("holds")).isTrue();
        assertThat(result.number("mappings")).isGreaterThanOrEqualTo(Long.parseLong(MAPPINGS));
        assertThat(result.number("outsideWindow")).isZero();
        assertThat(result.number("wordsChangedOutside")).isZero();
        assertThat(result.number("faults")).as("it was refused").isGreaterThan(10_000);
        assertThat(result.number("triedInTime")).as("it was let in").isPositive();
        assertThat(outboardProcesses()).as("no process is left").isSubsetOf(before);
    }

    @Test
    void shouldBoundTheWindowOfAQueue() {
        var attack =
                run(
                        "attack",
                        "--strategy",
                        "deferred",
                        "--flush-entries",
                        "64",
                        "--mappings",
                        MAPPINGS,
                        "--json");
        var result = result(attack);
        assertThat(attack.exitCode()).as(result.toString()).isZero();
        assertThat(result.number("windowEntries")).isBetween(1L, 64L);
        assertThat(result.number("readsInsideWindow")).isPositive();
    }

    /** The attack is worth something: it finds each window where there should be none. */
    @ParameterizedTest
    @CsvSource({"deferred, strict", "cached, strict", "never-free, strict", "granted, strict"})
    void shouldFindWhatAWeakerStrategyLeavesOpen(String strategy, String judge) {
        var attack =
                run(
                        "attack",
                        "--strategy",
                        strategy,
                        "--judge-as",
                        judge,
                        "--mappings",
                        "10000",
                        "--json");
        var result = result(attack);
        assertThat(attack.exitCode()).as(result.toString()).isEqualTo(1);
        assertThat(result.flag("holds")).isFalse();
        assertThat(result.number("outsideWindow")).isPositive();
    }

    @Test
    void shouldRefuseWhatCannotBeAttacked() {
        refuse("--strategy off", "attack", "--strategy", "off");
        refuse("--format papr-64k", "attack", "--format", "papr-64k");
        refuse("--mappings 0", "attack", "--mappings", "0");
        refuse("--owner none", "attack", "--owner", "none");
    }

    private void refuse(String complaint, String... words) {
        var ended = run(words);
        assertThat(ended.exitCode()).isEqualTo(2);
        assertThat(ended.complaint()).singleElement().asString().contains(complaint);
    }

    private static Event result(Ended attack) {
        var results =
                attack.process().events().stream()
                        .filter(event -> event.name().equals(Event.RESULT))
                        .toList();
        assertThat(results).as(attack.process().errorOutput()).hasSize(1);
        return results.getFirst();
    }
}

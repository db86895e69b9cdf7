//! What people are told in a channel where there is no answer: polite, true, in the tenant's language, and nothing of what
//! is inside.

use tenantry_integrations::call::CallError;

use super::ReplyError;
use crate::conversation::Refusal;
use crate::settings::Settings;

/// What went wrong, as far as it concerns the person who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Waiting helps.
    Passing,
    /// Somebody of the company has to change a setting.
    Setting,
    /// What was agreed for this month is used up.
    UsedUp,
    /// The message is too long.
    TooLong,
    /// There is nothing in the message.
    Blank,
}

impl Trouble {
    #[cfg(test)]
    const ALL: [Self; 5] = [Self::Passing, Self::Setting, Self::UsedUp, Self::TooLong, Self::Blank];

    fn of(error: &ReplyError) -> Self {
        match error {
            ReplyError::Refused(Refusal::TextBlank) => Self::Blank,
            ReplyError::Refused(Refusal::TextTooLong { .. }) => Self::TooLong,
            ReplyError::Refused(_) | ReplyError::LimitUnknown(_) => Self::Setting,
            ReplyError::OverLimit { .. } => Self::UsedUp,
            ReplyError::SecretUnavailable(_) => Self::Passing,
            ReplyError::Model { source, .. } => match source {
                CallError::Rejected { .. } | CallError::Unauthorized | CallError::NotAllowed(_) => Self::Setting,
                CallError::RateLimited { .. }
                | CallError::Unreachable { .. }
                | CallError::TimedOut { .. }
                | CallError::TooLarge { .. }
                | CallError::Malformed { .. } => Self::Passing,
            },
        }
    }
}

/// The sentence for a failure, in `persona.language`; in English where that is none of ours.
pub fn apology(settings: &Settings, error: &ReplyError) -> String {
    let language = settings.persona.language.split('-').next().unwrap_or_default().to_ascii_lowercase();
    sentence(&language, Trouble::of(error)).to_owned()
}

fn sentence(language: &str, trouble: Trouble) -> &'static str {
    let [passing, setting, used_up, too_long, blank] = match language {
        "de" => GERMAN,
        "es" => SPANISH,
        "fr" => FRENCH,
        "it" => ITALIAN,
        "pt" => PORTUGUESE,
        _ => ENGLISH,
    };
    match trouble {
        Trouble::Passing => passing,
        Trouble::Setting => setting,
        Trouble::UsedUp => used_up,
        Trouble::TooLong => too_long,
        Trouble::Blank => blank,
    }
}

const ENGLISH: [&str; 5] = [
    "I'm sorry, I can't answer just now. Please try again in a few minutes.",
    "I'm sorry, I can't answer: something is not set up correctly. Please tell whoever looks after me.",
    "I'm sorry, I have used up what was agreed for this month. I can answer again next month, or when it is raised.",
    "I'm sorry, that message is too long for me. Please send it in shorter parts.",
    "I didn't find any text in that message. What can I do for you?",
];
const GERMAN: [&str; 5] = [
    "Das tut mir leid, ich kann gerade nicht antworten. Bitte in ein paar Minuten noch einmal versuchen.",
    "Das tut mir leid, ich kann nicht antworten: Etwas ist nicht richtig eingerichtet. Bitte der Person Bescheid geben, die mich betreut.",
    "Das tut mir leid, was für diesen Monat vereinbart war, ist verbraucht. Ich kann im nächsten Monat wieder antworten, oder wenn es erhöht wird.",
    "Das tut mir leid, diese Nachricht ist zu lang für mich. Bitte in kürzeren Teilen schicken.",
    "In dieser Nachricht habe ich keinen Text gefunden. Was kann ich tun?",
];
const SPANISH: [&str; 5] = [
    "Lo siento, ahora mismo no puedo responder. Inténtalo de nuevo en unos minutos, por favor.",
    "Lo siento, no puedo responder: algo no está bien configurado. Avisa, por favor, a quien se ocupa de mí.",
    "Lo siento, ya se ha gastado lo acordado para este mes. Podré responder el mes que viene, o cuando se amplíe.",
    "Lo siento, este mensaje es demasiado largo para mí. Envíalo en partes más cortas, por favor.",
    "No he encontrado ningún texto en este mensaje. ¿Qué puedo hacer por ti?",
];
const FRENCH: [&str; 5] = [
    "Je suis désolé, je ne peux pas répondre pour le moment. Merci de réessayer dans quelques minutes.",
    "Je suis désolé, je ne peux pas répondre : quelque chose est mal configuré. Merci de prévenir la personne qui s'occupe de moi.",
    "Je suis désolé, ce qui était convenu pour ce mois est épuisé. Je pourrai répondre le mois prochain, ou quand ce sera augmenté.",
    "Je suis désolé, ce message est trop long pour moi. Merci de l'envoyer en parties plus courtes.",
    "Je n'ai trouvé aucun texte dans ce message. Que puis-je faire pour vous ?",
];
const ITALIAN: [&str; 5] = [
    "Mi dispiace, in questo momento non posso rispondere. Per favore riprova tra qualche minuto.",
    "Mi dispiace, non posso rispondere: qualcosa non è configurato bene. Per favore avvisa chi si occupa di me.",
    "Mi dispiace, quanto concordato per questo mese è esaurito. Potrò rispondere il mese prossimo, o quando verrà aumentato.",
    "Mi dispiace, questo messaggio è troppo lungo per me. Per favore invialo in parti più brevi.",
    "In questo messaggio non ho trovato alcun testo. Che cosa posso fare?",
];
const PORTUGUESE: [&str; 5] = [
    "Desculpe, agora não consigo responder. Tente novamente daqui a alguns minutos, por favor.",
    "Desculpe, não consigo responder: algo não está bem configurado. Avise, por favor, quem cuida de mim.",
    "Desculpe, o que foi combinado para este mês já foi gasto. Posso responder no próximo mês, ou quando for aumentado.",
    "Desculpe, esta mensagem é longa demais para mim. Envie em partes mais curtas, por favor.",
    "Não encontrei nenhum texto nesta mensagem. O que posso fazer?",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tenantry_integrations::llm::Provider;

    use super::*;

    fn told(language: &str, error: &ReplyError) -> String {
        let mut settings = Settings::default();
        language.clone_into(&mut settings.persona.language);
        apology(&settings, error)
    }

    fn of_model(source: CallError) -> ReplyError {
        ReplyError::Model { provider: Provider::OpenAi, source }
    }

    #[test]
    fn each_trouble_has_its_own_sentence_in_each_language() {
        let languages = ["en", "de", "es", "fr", "it", "pt"];
        let all: BTreeSet<_> =
            languages.iter().flat_map(|language| Trouble::ALL.map(|trouble| sentence(language, trouble))).collect();
        assert_eq!(all.len(), languages.len() * Trouble::ALL.len());
    }

    #[test]
    fn nothing_of_what_is_inside_is_told() {
        let rejected = CallError::Rejected { status: 404, reason: "CANARY db-7".to_owned() };
        for error in [rejected, CallError::Unauthorized, CallError::Unreachable { reason: "CANARY".to_owned() }] {
            let told = told("de-CH", &of_model(error));
            assert!(told.starts_with("Das tut mir leid") && !told.contains("CANARY"), "{told}");
        }
    }

    #[test]
    fn a_language_that_is_none_of_ours_is_answered_in_english() {
        assert!(told("tlh", &of_model(CallError::Unauthorized)).contains("not set up correctly"));
        assert!(told("", &of_model(CallError::RateLimited { retry_after: None })).contains("few minutes"));
    }
}

import type { Texts } from '../../config/config.ts';

/** What a quantity is called: Catalan, Spanish, English. */
const LABELS: Readonly<Record<string, readonly [string, string, string]>> = {
  air_temperature: ['Temperatura de l’aire', 'Temperatura del aire', 'Air temperature'],
  temperature: ['Temperatura', 'Temperatura', 'Temperature'],
  relative_humidity: ['Humitat relativa', 'Humedad relativa', 'Relative humidity'],
  air_pressure: ['Pressió atmosfèrica', 'Presión atmosférica', 'Air pressure'],
  pm1: ['Partícules PM1', 'Partículas PM1', 'Particles PM1'],
  pm2_5: ['Partícules PM2,5', 'Partículas PM2,5', 'Particles PM2.5'],
  pm10: ['Partícules PM10', 'Partículas PM10', 'Particles PM10'],
  pm100: ['Partícules PM100', 'Partículas PM100', 'Particles PM100'],
  co2: ['Diòxid de carboni', 'Dióxido de carbono', 'Carbon dioxide'],
  illuminance: ['Il·luminància', 'Iluminancia', 'Illuminance'],
  sound_laeq: ['Nivell sonor (LAeq)', 'Nivel sonoro (LAeq)', 'Sound level (LAeq)'],
  sound_lamin: ['Nivell sonor mínim', 'Nivel sonoro mínimo', 'Lowest sound level'],
  sound_lamax: ['Nivell sonor màxim', 'Nivel sonoro máximo', 'Highest sound level'],
  voltage: ['Tensió', 'Tensión', 'Voltage'],
  current: ['Corrent', 'Corriente', 'Current'],
  active_power: ['Potència activa', 'Potencia activa', 'Active power'],
  apparent_power: ['Potència aparent', 'Potencia aparente', 'Apparent power'],
  reactive_power: ['Potència reactiva', 'Potencia reactiva', 'Reactive power'],
  power_factor: ['Factor de potència', 'Factor de potencia', 'Power factor'],
  frequency: ['Freqüència', 'Frecuencia', 'Frequency'],
  energy_imported: ['Energia consumida', 'Energía consumida', 'Energy imported'],
  energy_exported: ['Energia abocada', 'Energía vertida', 'Energy exported'],
  reactive_energy: ['Energia reactiva', 'Energía reactiva', 'Reactive energy'],
  contact: ['Contacte', 'Contacto', 'Contact'],
  presence: ['Presència', 'Presencia', 'Presence'],
  switch_state: ['Interruptor', 'Interruptor', 'Switch'],
  alarm: ['Alarma', 'Alarma', 'Alarm'],
  valve_state: ['Vàlvula', 'Válvula', 'Valve'],
  rain: ['Pluja', 'Lluvia', 'Rain'],
  rain_rate: ['Intensitat de la pluja', 'Intensidad de la lluvia', 'Rain rate'],
  wind_speed: ['Velocitat del vent', 'Velocidad del viento', 'Wind speed'],
  wind_direction: ['Direcció del vent', 'Dirección del viento', 'Wind direction'],
  water_flow: ['Cabal d’aigua', 'Caudal de agua', 'Water flow'],
  water_volume: ['Volum d’aigua', 'Volumen de agua', 'Water volume'],
  gas_volume: ['Volum de gas', 'Volumen de gas', 'Gas volume'],
  soil_moisture: ['Humitat del sòl', 'Humedad del suelo', 'Soil moisture'],
  soil_temperature: ['Temperatura del sòl', 'Temperatura del suelo', 'Soil temperature'],
  ph: ['pH', 'pH', 'pH'],
  conductivity: ['Conductivitat', 'Conductividad', 'Conductivity'],
  position: ['Posició', 'Posición', 'Position'],
  duration: ['Durada', 'Duración', 'Duration'],
  utilisation: ['Ocupació', 'Uso', 'Utilisation'],
  count: ['Recompte', 'Recuento', 'Count'],
  text: ['Text', 'Texto', 'Text'],
};

const OUTPUT = ['Sortida', 'Salida', 'Output'] as const;
const CONNECTION = ['Connexió', 'Conexión', 'Connection'] as const;

/** What a quantity is called in this language; undefined for one without a name. */
export function labelOf(quantity: string, language: string): string | undefined {
  return LABELS[quantity]?.[columnOf(language)];
}

/** What an output is called that nobody has named. */
export function outputLabel(language: string): string {
  return OUTPUT[columnOf(language)];
}

/** What it is called that the gateway is reachable. */
export function connectionLabel(language: string): string {
  return CONNECTION[columnOf(language)];
}

/** A text in this language, or in the next best one that there is. */
export function textIn(texts: Texts, language: string): string {
  return texts[language] ?? texts['*'] ?? texts['en'] ?? Object.values(texts)[0] ?? '';
}

function columnOf(language: string): 0 | 1 | 2 {
  return language === 'ca' ? 0 : language === 'es' ? 1 : 2;
}
